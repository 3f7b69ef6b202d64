import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import manifest from '../../package.json';
import { describeDrivers, DRIVERS } from './drivers';
import { describeEntries, describeTypes } from './entries';
import { makeProject, type Project } from './project';
import { NODES } from './nodes';
import { describeShop, shop } from './shop-cases';
import * as users from './users';

let project: Project;

beforeAll(async () => {
  project = await makeProject({ nest: '12', packages: ['@nestjs/platform-express'] });
}, 300_000);

afterAll(() => project?.remove());

describe('the packed package', () => {
  it('contains nothing but what users need', async () => {
    const folder = join(project.dir, 'node_modules/nestlock');
    const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((file) => file.isFile())
      .map((file) =>
        join(file.parentPath, file.name)
          .slice(folder.length + 1)
          .replaceAll('\\', '/'),
      );
    const allowed =
      /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|docs\/.+\.md|dist\/.+\.(js|mjs|d\.ts|d\.mts|map))$/;
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
    expect(files).toContain('LICENSE');
  });

  it('depends on ms only, and installs no driver', async () => {
    const installed = JSON.parse(
      await readFile(join(project.dir, 'node_modules/nestlock/package.json'), 'utf8'),
    ) as typeof manifest;
    expect(Object.keys(installed.dependencies)).toEqual(['ms']);
    expect(Object.keys(DRIVERS).sort()).toEqual(Object.keys(manifest.peerDependenciesMeta).sort());
    const packages = await readdir(join(project.dir, 'node_modules'));
    expect(packages.filter((name) => name in DRIVERS)).toEqual([]);
  });

  it('has types for every entry under the old module resolution', () => {
    const old: Record<string, string[]> = { nestlock: [manifest.types] };
    for (const [name, paths] of Object.entries(manifest.typesVersions['*'])) old[`nestlock/${name}`] = paths;
    const current = Object.entries(manifest.exports).flatMap(([path, target]) =>
      typeof target === 'object' ? [[path.replace(/^\./, 'nestlock'), [target.require.types]] as const] : [],
    );
    expect(old).toEqual(Object.fromEntries(current));
  });

  describe('has declarations', () => {
    let texts: Record<string, string>;
    beforeAll(async () => {
      const dist = join(project.dir, 'node_modules/nestlock/dist');
      const files = (await readdir(dist, { recursive: true })).filter((name) => /\.d\.m?ts$/.test(name));
      const read = files.map(async (file) => [file, await readFile(join(dist, file), 'utf8')] as const);
      texts = Object.fromEntries(await Promise.all(read));
      expect(Object.keys(texts)).toEqual(
        expect.arrayContaining(['index.d.ts', 'index.d.mts', 'backends/redis/index.d.ts']),
      );
    });
    const those = (say: RegExp) => Object.keys(texts).filter((file) => say.test(texts[file]!));

    it('that TypeScript before 5.3 can read, which users of Nest 10 have', () => {
      expect(those(/resolution-mode/)).toEqual([]);
    });

    it('that name no types of the drivers', () => {
      const names = [...Object.keys(DRIVERS), 'typeorm'].join('|');
      expect(those(new RegExp(`(from |import\\(|require\\(|types=)['"](${names})['"/]`))).toEqual([]);
    });
  });
});

describe('on Nest 12', () => {
  describeTypes(() => project, { shop, zookeeper: users.zookeeper, sql: users.sql });
  describe.each(NODES)('on %s', (_, node) => {
    describeShop(() => project, node);
    describeEntries(() => project, node);
  });
});

describe('without drivers', () => describeDrivers(() => project, []));
