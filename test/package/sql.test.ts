import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startMariaDb } from '../servers/mariadb';
import { startPostgres } from '../servers/postgres';
import { makeProject, type Project } from './project';
import { RESOLUTIONS, typeErrors } from './type-check';

/** A user who has none of the drivers; what the pools can do is all that counts. */
const USER = `
import { LockModule, LockService, type Lock } from 'nestlock';
import { mysqlBackend, mysqlTable, type MysqlBackendOptions } from 'nestlock/mysql';
import * as mysql from 'nestlock/mysql';
import { postgresBackend, postgresTable, transactionOf, updateVersioned, type PostgresBackendOptions } from 'nestlock/postgres';

const options: PostgresBackendOptions = { url: 'postgres://db/app', strategy: 'transaction', maxConnections: 5 };
const others: MysqlBackendOptions = { url: 'mysql://db/app', strategy: 'optimistic', attempts: 3 };
export const modules = [
  LockModule.forRoot({ backend: postgresBackend('postgres://db/app') }),
  LockModule.forRoot({ instance: 'ledger', backend: postgresBackend(options) }),
  LockModule.forRoot({ instance: 'seats', backend: mysqlBackend(others) }),
];
export const ddl: string = postgresTable('app.locks') + mysqlTable();
export async function work(lock: Lock): Promise<void> {
  const { rows } = await transactionOf(lock).query('SELECT version FROM account WHERE id = $1', [7]);
  await updateVersioned(transactionOf(lock), { table: 'account', id: 7, version: rows[0].version, set: { balance: 1n } });
  const [seats] = await mysql.transactionOf(lock).query('SELECT * FROM seat WHERE id = ?', [7]);
  await mysql.updateVersioned(mysql.transactionOf(lock), { table: 'seat', id: { row: 1, seat: 2 }, version: { revision: seats[0].revision }, set: {} });
}

// @ts-expect-error
postgresBackend(7);
// @ts-expect-error
postgresBackend({ url: 'postgres://db/app', strategy: 'pessimistic' });
// @ts-expect-error
mysqlBackend({ url: 'mysql://db/app', notifications: false });
// @ts-expect-error
transactionOf(new LockService({ backend: postgresBackend(options) }));
`;

/** The same with the drivers' own types. */
const USER_WITH_DRIVERS = `
import type { Lock } from 'nestlock';
import * as mysql from 'nestlock/mysql';
import * as postgres from 'nestlock/postgres';
import { createPool } from 'mysql2';
import { createPool as createPromisePool, type PoolConnection } from 'mysql2/promise';
import { Pool, type PoolClient } from 'pg';

export const backends = [
  postgres.postgresBackend(new Pool()),
  postgres.postgresBackend({ pool: new Pool(), strategy: 'optimistic' }),
  mysql.mysqlBackend(createPool('mysql://db/app')),
  mysql.mysqlBackend({ pool: createPromisePool('mysql://db/app'), strategy: 'transaction' }),
];
export async function work(lock: Lock): Promise<void> {
  const client = postgres.transactionOf<PoolClient>(lock);
  await client.query<{ id: number }>('SELECT 1 AS id');
  await postgres.updateVersioned(client, { table: 'account', id: 7, version: 1, set: {} });
  await mysql.transactionOf<PoolConnection>(lock).execute('SELECT ?', [1]);
}
`;

/** Locks, waits, hands on; then a transaction. */
const use = (postgresUrl: string, mysqlUrl: string): string => `
async function main({ LockService }, { postgresBackend, transactionOf }, { mysqlBackend, transactionOf: connectionOf }) {
  for (const [url, backend, of] of [['${postgresUrl}', postgresBackend, transactionOf], ['${mysqlUrl}', mysqlBackend, connectionOf]]) {
    const [a, b, c] = ['lease', 'lease', 'transaction'].map((strategy) => new LockService({ backend: backend({ url, strategy }) }));
    await a.open();
    const lock = await a.acquire('k');
    const waiting = b.acquire('k');
    await lock.release();
    await (await waiting).release();
    await c.run('k', (lock) => of(lock).query('SELECT 1'));
    await Promise.all([a, b, c].map((service) => service.close()));
    console.log('done');
  }
}`;

describe('without drivers', () => {
  let project: Project;
  beforeAll(async () => {
    project = await makeProject({ nest: '12' });
    await writeFile(join(project.dir, 'user.ts'), USER);
  }, 300_000);
  afterAll(() => project?.remove());

  it.each(Object.entries(RESOLUTIONS))(
    'has types, for a user with %s',
    (_, resolution) => expect(typeErrors(join(project.dir, 'user.ts'), resolution)).toEqual([]),
    120_000,
  );

  it('has declarations that name no types of the drivers', async () => {
    const dist = join(project.dir, 'node_modules/nestlock/dist');
    const files = (await readdir(dist, { recursive: true })).filter((name) => /\.d\.m?ts$/.test(name));
    expect(files).toEqual(
      expect.arrayContaining(['backends/sql/postgres/index.d.ts', 'backends/sql/mysql/index.d.mts']),
    );
    const texts = await Promise.all(files.map((name) => readFile(join(dist, name), 'utf8')));
    expect(files.filter((_, i) => /(from |import\(|types=)['"](pg|mysql2|typeorm)/.test(texts[i]!))).toEqual([]);
  });

  it.each([
    ['postgres', 'pg'],
    ['mysql', 'mysql2'],
  ])('says what to install when it is used, not before: %s', async (name, driver) => {
    const source = `
      const backend = require('nestlock/${name}').${name}Backend('${name}://localhost/app');
      console.log(backend.name);
      backend.open().catch(({ name, message }) => console.log(name, message));`;
    expect(await project.run('no-driver.cjs', source)).toBe(
      `${name}\nLockConfigError ${name}Backend() needs the package "${driver}" to connect. Run: npm install ${driver}\n`,
    );
  });
});

describe('with their drivers', () => {
  let project: Project;
  let servers: { readonly url: string; stop(): Promise<void> }[] = [];
  beforeAll(async () => {
    servers = await Promise.all([startPostgres(), startMariaDb()]);
    project = await makeProject({ nest: '12', packages: ['pg@8', '@types/pg@8', 'mysql2@3', '@types/node@20'] });
    await writeFile(join(project.dir, 'user.ts'), USER_WITH_DRIVERS);
  }, 300_000);
  afterAll(() => Promise.all([...servers.map((server) => server.stop()), project?.remove()]));

  it.each(Object.entries(RESOLUTIONS))(
    'takes the types of the drivers, for a user with %s',
    (_, resolution) => expect(typeErrors(join(project.dir, 'user.ts'), resolution)).toEqual([]),
    120_000,
  );

  it('works for require and for import, and lets the process end', async () => {
    const [postgres, mysql] = servers;
    const script = use(postgres!.url, mysql!.url);
    const forRequire = `${script}\nmain(require('nestlock'), require('nestlock/postgres'), require('nestlock/mysql'));`;
    expect(await project.run('use.cjs', forRequire)).toBe('done\ndone\n');
    const forImport = `
      import * as nestlock from 'nestlock';
      import * as postgres from 'nestlock/postgres';
      import * as mysql from 'nestlock/mysql';
      ${script}
      await main(nestlock, postgres, mysql);`;
    expect(await project.run('use.mjs', forImport)).toBe('done\ndone\n');
  });
});
