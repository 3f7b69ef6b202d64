import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import manifest from '../../package.json';
import { makeProject, type Project } from './project';

const entries = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([path]) => path.replace(/^\./, 'nestlock'));

describe('the packed package', () => {
  let project: Project;

  beforeAll(async () => {
    project = await makeProject({ nest: '12' });
  }, 300_000);

  afterAll(() => project?.remove());

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
    const packages = await readdir(join(project.dir, 'node_modules'));
    const drivers = Object.keys(manifest.peerDependenciesMeta);
    expect(packages.filter((name) => drivers.includes(name))).toEqual([]);
  });

  it('says what to install when a backend is used without its driver', async () => {
    const source = `
      const { redisBackend } = require('nestlock/redis');
      redisBackend('redis://localhost:6379').open().catch(({ name, message }) => console.log(name, message));`;
    expect(await project.run('no-driver.cjs', source)).toBe(
      'LockConfigError redisBackend() needs the package "ioredis" to connect. Run: npm install ioredis\n',
    );
  });

  describe.each(entries)('%s', (entry) => {
    const file = entry.replaceAll('/', '-');

    it('can be required', async () => {
      const source = `console.log(Object.keys(require('${entry}')).length > 0);`;
      expect(await project.run(`${file}.cjs`, source)).toBe('true\n');
    });

    it('can be imported before Nest', async () => {
      const source = `
        import * as entry from '${entry}';
        import * as nest from '@nestjs/common';
        console.log(Object.keys(entry).length > 0, typeof nest.Module);`;
      expect(await project.run(`${file}-first.mjs`, source)).toBe('true function\n');
    });

    it('can be imported after Nest', async () => {
      const source = `
        import * as nest from '@nestjs/common';
        import * as entry from '${entry}';
        console.log(Object.keys(entry).length > 0, typeof nest.Module);`;
      expect(await project.run(`${file}-last.mjs`, source)).toBe('true function\n');
    });

    it('is the same for require and import', async () => {
      const source = `
        import * as imported from '${entry}';
        import { createRequire } from 'node:module';
        const required = createRequire(import.meta.url)('${entry}');
        const names = Object.keys(required);
        console.log(JSON.stringify({
          missing: names.filter((name) => !(name in imported)),
          different: names.filter((name) => imported[name] !== required[name]),
          same: names.length > 0,
        }));`;
      const answer: unknown = JSON.parse(await project.run(`${file}-same.mjs`, source));
      expect(answer).toEqual({ missing: [], different: [], same: true });
    });
  });

  it('has types for every entry under the old module resolution', () => {
    const old: Record<string, string[]> = { nestlock: [manifest.types] };
    for (const [name, paths] of Object.entries(manifest.typesVersions['*'])) old[`nestlock/${name}`] = paths;
    const current = Object.entries(manifest.exports).flatMap(([path, target]) =>
      typeof target === 'object' ? [[path.replace(/^\./, 'nestlock'), [target.require.types]] as const] : [],
    );
    expect(old).toEqual(Object.fromEntries(current));
  });
});
