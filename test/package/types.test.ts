import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import manifest from '../../package.json';
import { makeProject, type Project } from './project';

const entries = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([path]) => path.replace(/^\./, 'nestlock'));

/** As the users of each kind of project have it, and with the declarations of packages checked. */
const RESOLUTIONS = {
  node10: { module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10 },
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
};

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
    const program = ts.createProgram([join(project.dir, 'index.ts')], {
      ...resolution,
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      target: ts.ScriptTarget.ES2022,
      types: ['node'],
      typeRoots: [join(__dirname, '../../node_modules/@types')],
      ignoreDeprecations: '6.0',
    });
    const errors = ts
      .getPreEmitDiagnostics(program)
      .filter(({ file }) => !file || !/node_modules\/(?!nestlock\/)/.test(file.fileName)) // of ours
      .map(({ file, messageText }) => `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
    expect(errors).toEqual([]);
  },
  120_000,
);
