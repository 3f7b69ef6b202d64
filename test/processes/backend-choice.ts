import type { RedisBackendOptions } from '../../lib/backends/redis';
import { redisBackend } from '../../lib/backends/redis';
import type { MysqlBackendOptions } from '../../lib/backends/sql/mysql';
import * as mysql from '../../lib/backends/sql/mysql';
import type { PostgresBackendOptions } from '../../lib/backends/sql/postgres';
import * as postgres from '../../lib/backends/sql/postgres';
import type { ZooKeeperBackendOptions } from '../../lib/backends/zookeeper';
import { zookeeperBackend } from '../../lib/backends/zookeeper';
import type { LockBackend } from '../../lib/core/backend';
import type { Lock } from '../../lib/core/lock';

/** A backend, as it can be told to another process. */
export type BackendChoice =
  | ['redis', RedisBackendOptions]
  | ['zookeeper', ZooKeeperBackendOptions]
  | ['postgres', PostgresBackendOptions]
  | ['mysql', MysqlBackendOptions];

export function makeBackend([kind, options]: BackendChoice): LockBackend {
  switch (kind) {
    case 'redis':
      return redisBackend(options);
    case 'zookeeper':
      return zookeeperBackend(options);
    case 'postgres':
      return postgres.postgresBackend(options);
    case 'mysql':
      return mysql.mysqlBackend(options);
  }
}

/** What the clients of both drivers have in common. */
export interface Transaction {
  query(sql: string): Promise<unknown>;
}

export function transactionOf([kind]: BackendChoice, lock: Lock): Transaction {
  return kind === 'mysql' ? mysql.transactionOf(lock) : postgres.transactionOf(lock);
}
