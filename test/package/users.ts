// Sources of users, as the compiler is given them.

/** With clients of both versions of ioredis, without a cast. */
export const ioredis = `
import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { LockModule } from 'nestlock';
import { redisBackend, type RedisBackendOptions } from 'nestlock/redis';

const options: RedisBackendOptions = { client: new Redis(), replicas: { atLeast: 1 } };
export const backends = [
  redisBackend(new Redis()),
  redisBackend(new Redis5()),
  redisBackend(new Cluster([])),
  redisBackend(new Cluster5([])),
  redisBackend({ client: new Redis5() }),
  redisBackend({ client: new Cluster([]), commandTimeout: '1s' }),
  redisBackend({ client: new Cluster5([]), notifications: false }),
  redisBackend(options),
  redisBackend('redis://localhost:6379'),
];
export const module = LockModule.forRoot({ backend: backends[0]! });

// @ts-expect-error
redisBackend(7);
// @ts-expect-error
redisBackend({ uri: 'redis://localhost:6379' });
// @ts-expect-error
redisBackend({ client: new Map() });
`;

/** Who needs no types of the driver. */
export const zookeeper = `
import { LockModule } from 'nestlock';
import { zookeeperBackend, type ZooKeeperBackendOptions } from 'nestlock/zookeeper';

const options: ZooKeeperBackendOptions = { connect: 'zk:2181/app', sessionTimeout: '5s', curator: 'mutex' };
export const backends = [
  zookeeperBackend('zk1:2181,zk2:2181'),
  zookeeperBackend(options),
  zookeeperBackend({ connect: 'zk', root: '/locks', auth: 'user:password', commandTimeout: 500, options: {} }),
];
export const module = LockModule.forRoot({ backend: backends[0]! });

// @ts-expect-error
zookeeperBackend(7);
// @ts-expect-error
zookeeperBackend({ root: '/locks' });
// @ts-expect-error
zookeeperBackend({ connect: 'zk', curator: 'semaphore' });
`;

/** Who has none of the drivers; what the pools can do is all that counts. */
export const sql = `
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

/** With the types of \`pg\`. */
export const pg = `
import type { Lock } from 'nestlock';
import * as postgres from 'nestlock/postgres';
import { Pool, type PoolClient } from 'pg';

export const backends = [
  postgres.postgresBackend(new Pool()),
  postgres.postgresBackend({ pool: new Pool(), strategy: 'optimistic' }),
];
export async function work(lock: Lock): Promise<void> {
  const client = postgres.transactionOf<PoolClient>(lock);
  await client.query<{ id: number }>('SELECT 1 AS id');
  await postgres.updateVersioned(client, { table: 'account', id: 7, version: 1, set: {} });
}
`;

/** With the types of \`mysql2\`. */
export const mysql2 = `
import type { Lock } from 'nestlock';
import * as mysql from 'nestlock/mysql';
import { createPool } from 'mysql2';
import { createPool as createPromisePool, type PoolConnection } from 'mysql2/promise';

export const backends = [
  mysql.mysqlBackend(createPool('mysql://db/app')),
  mysql.mysqlBackend({ pool: createPromisePool('mysql://db/app'), strategy: 'transaction' }),
];
export async function work(lock: Lock): Promise<void> {
  await mysql.transactionOf<PoolConnection>(lock).execute('SELECT ?', [1]);
}
`;
