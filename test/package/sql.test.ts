import { startMariaDb } from '../servers/mariadb';
import { startPostgres } from '../servers/postgres';
import { describeDrivers } from './drivers';
import { describeTypes } from './entries';
import { makeProject, type Project } from './project';
import * as users from './users';

/** Locks, waits, hands on; then a transaction. */
const use = (url: string): string => `
async function main({ LockService }, { transactionOf, postgresBackend, mysqlBackend }) {
  const [a, b, c] = ['lease', 'lease', 'transaction'].map(
    (strategy) => new LockService({ backend: (postgresBackend ?? mysqlBackend)({ url: '${url}', strategy, commandTimeout: '10s' }) }),
  );
  await a.open();
  const lock = await a.acquire('k');
  const waiting = b.acquire('k');
  await lock.release();
  await (await waiting).release();
  await c.run('k', (lock) => transactionOf(lock).query('SELECT 1'));
  await Promise.all([a, b, c].map((service) => service.close()));
  console.log('done');
}`;

describe.each([
  ['pg', 'postgres', startPostgres, ['pg@8', '@types/pg@8', '@types/node@20'], users.pg],
  ['mysql2', 'mysql', startMariaDb, ['mysql2@3', '@types/node@20'], users.mysql2],
] as const)('with %s as the only driver', (driver, entry, start, packages, user) => {
  let project: Project;
  let server: { readonly url: string; stop(): Promise<void> };
  beforeAll(async () => {
    server = await start();
    project = await makeProject({ nest: '12', packages });
  }, 300_000);
  afterAll(async () => {
    await server?.stop();
    await project?.remove();
  });

  describeTypes(() => project, { user });
  describeDrivers(() => project, [driver]);

  it('works for require and for import, and lets the process end', async () => {
    const script = use(server.url);
    const forRequire = `${script}\nmain(require('nestlock'), require('nestlock/${entry}'));`;
    expect(await project.run('use.cjs', forRequire)).toBe('done\n');
    const forImport = `
      import * as nestlock from 'nestlock';
      import * as backend from 'nestlock/${entry}';
      ${script}
      await main(nestlock, backend);`;
    expect(await project.run('use.mjs', forImport)).toBe('done\n');
  });
});
