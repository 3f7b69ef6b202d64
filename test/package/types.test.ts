import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import manifest from '../../package.json';
import { makeProject, type Project } from './project';
import { RESOLUTIONS, typeErrors } from './type-check';

const entries = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([path]) => path.replace(/^\./, 'nestlock'));

let project: Project;

beforeAll(async () => {
  project = await makeProject({ nest: '12' });
  const lines = entries.map((entry, i) => `import * as entry${i} from '${entry}';\nexport const is${i} = entry${i};`);
  await writeFile(join(project.dir, 'index.ts'), lines.join('\n'));
}, 300_000);

afterAll(() => project?.remove());

it.each(Object.entries(RESOLUTIONS))(
  'the declarations compile for a user with %s',
  (_, resolution) => {
    expect(typeErrors(join(project.dir, 'index.ts'), resolution)).toEqual([]);
  },
  120_000,
);

it('the declarations can be read by TypeScript before 5.3, which users of Nest 10 have', async () => {
  const dist = join(project.dir, 'node_modules/nestlock/dist');
  const files = (await readdir(dist, { recursive: true })).filter((name) => /\.d\.m?ts$/.test(name));
  expect(files).toContain('index.d.ts');
  const texts = await Promise.all(files.map((name) => readFile(join(dist, name), 'utf8')));
  expect(files.filter((_, i) => texts[i]!.includes('resolution-mode'))).toEqual([]);
});
