import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DRIVERS, NONE, tryDrivers, UNREACHABLE } from './drivers';
import { makeProject, type Project } from './project';

const refused = (expected: string) => ({
  boot: expect.stringMatching(`^LockConfigError: ${expected}$`) as string,
  lock: 'LockConfigError',
});

const REFUSED = {
  ioredis: refused('redisBackend\\(\\) works with ioredis 5 and 6, found 4\\..+\\. Run: npm install ioredis@6'),
  mysql2: refused('mysqlBackend\\(\\) works with mysql2 3, found 2\\..+\\. Run: npm install mysql2@3'),
};

describe('with drivers in versions that are not supported', () => {
  let project: Project;
  let modules: string;
  beforeAll(async () => {
    // npm takes them without a word: who uses another backend may need them.
    const packages = ['ioredis@4', 'mysql2@2', 'pg@8', 'pg7@npm:pg@7'];
    project = await makeProject({ nest: '12', packages });
    modules = join(project.dir, 'node_modules');
  }, 300_000);
  afterAll(() => project?.remove());

  it('those that are not used do not disturb, those that are used say what to install', async () => {
    const found = await tryDrivers(project);
    expect(found).toMatchObject({ ...NONE, ...REFUSED, pg: UNREACHABLE });
    expect(Object.keys(found as object).sort()).toEqual(['none', ...Object.keys(DRIVERS)].sort());
  }, 60_000);

  it('so does the one of PostgreSQL', async () => {
    await rename(join(modules, 'pg'), join(modules, 'pg8'));
    await rename(join(modules, 'pg7'), join(modules, 'pg'));
    expect(await tryDrivers(project)).toMatchObject({
      ...NONE,
      ...REFUSED,
      pg: refused('postgresBackend\\(\\) works with pg 8, found 7\\..+\\. Run: npm install pg@8'),
    });
  }, 60_000);
});
