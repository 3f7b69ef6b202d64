import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import type { Project } from './project';

/** A small application, whose behaviour is the same on every version of Nest. */
export const shop = readFileSync(join(__dirname, 'fixtures/shop.ts'), 'utf8');

const FORMATS = [
  ['CommonJS', 'shop.cjs', ts.ModuleKind.CommonJS],
  ['an ES module', 'shop.mjs', ts.ModuleKind.ESNext],
] as const;

/** @param node - the binary to run it with */
export function describeShop(project: () => Project, node: () => Promise<string>): void {
  it.each(FORMATS)(
    'boots, locks, answers and refuses as documented, as %s',
    async (_, file, module) => {
      const { outputText } = ts.transpileModule(shop, {
        compilerOptions: {
          module,
          target: ts.ScriptTarget.ES2022,
          experimentalDecorators: true,
          emitDecoratorMetadata: true,
          esModuleInterop: true,
        },
      });
      const printed = await project().run(file, outputText, await node());
      const { boots, ...answers } = JSON.parse(printed) as { boots: string[] };
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
    },
    60_000,
  );
}
