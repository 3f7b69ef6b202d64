import { type LockBackend, memoryBackend } from 'nestlock';
import { mysqlBackend } from 'nestlock/mysql';
import { postgresBackend } from 'nestlock/postgres';
import { redisBackend } from 'nestlock/redis';
import { zookeeperBackend } from 'nestlock/zookeeper';
import { MYSQL_URL } from './ledger/mysql.database';
import { POSTGRES_URL } from './ledger/postgres.database';

/** The stores that the locks can be in, by the name in LOCK_BACKEND; made from the URL in LOCK_URL. */
export const backends: Readonly<Record<string, (url: string | undefined) => LockBackend>> = {
  memory: () => memoryBackend(),
  redis: (url = 'redis://localhost:6379') => redisBackend(url),
  zookeeper: (connect = 'localhost:2181') => zookeeperBackend(connect),
  postgres: (url = POSTGRES_URL) => postgresBackend(url),
  mysql: (url = MYSQL_URL) => mysqlBackend(url),
};

/** @throws Error when there is no such backend */
export function createBackend(name: string, url: string | undefined): LockBackend {
  const create = Object.hasOwn(backends, name) ? backends[name] : undefined;
  if (!create) throw new Error(`There is no lock backend "${name}". There is: ${Object.keys(backends).join(', ')}`);
  return create(url);
}
