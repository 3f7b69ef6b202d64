import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import { makeProject, type Project } from './project';
import { typeErrors } from './type-check';

const fixture = join(__dirname, 'fixtures/shop.ts');

describe.each(['10', '11', '12'] as const)('on Nest %s', (nest) => {
  let project: Project;

  beforeAll(async () => {
    project = await makeProject({ nest, packages: ['@nestjs/platform-express'] });
  }, 300_000);

  afterAll(() => project?.remove());

  it('compiles', async () => {
    const file = join(project.dir, 'shop.ts');
    await copyFile(fixture, file);
    const resolution = { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext };
    expect(typeErrors(file, resolution)).toEqual([]);
  }, 120_000);

  it('boots, locks, answers and refuses as documented', async () => {
    const source = await readFile(fixture, 'utf8');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: {
        module: ts.ModuleKind.CommonJS,
        target: ts.ScriptTarget.ES2022,
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
        esModuleInterop: true,
      },
    });
    const found = JSON.parse(await project.run('shop.cjs', outputText)) as { boots: string[] };
    const { boots, ...answers } = found;
    expect(answers).toEqual({
      bought: ['1', '1', '1'],
      most: 1,
      migrated: 'locked',
      settings: 'shop:',
      instances: true,
      notFound: 404,
      busy: [423, '1', { statusCode: 423, code: 'LOCK_TIMEOUT', message: expect.any(String) as string }],
      httpException: 'HttpException',
      afterClose: 'LockNotReadyError',
    });
    expect(boots).toEqual([
      expect.stringContaining('imported twice'),
      expect.stringContaining('Import LockModule.forRoot() once'),
      expect.stringContaining('nestlock: import LockModule.forRoot() in the root module'),
    ]);
  });
});
