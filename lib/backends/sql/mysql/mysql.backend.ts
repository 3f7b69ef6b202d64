import type { LockBackend } from '../../../core/backend';
import type { TypeOrmDataSource } from '../data-source';
import { isDataSource } from '../data-source';
import type { Dialect } from '../dialect';
import type { SqlBackendOptions, SqlFamily } from '../options';
import { checkSqlOptions } from '../options';
import { SqlBackend } from '../sql-backend';
import { noWakeups } from '../wakeups';
import type { MysqlPool } from './client';
import { isCallbackPool, isPromisePool } from './client';
import { MysqlDatabase } from './mysql-database';
import { diagnoseMysql, isRefusal } from './mysql-errors';
import { MysqlLease } from './mysql-lease';
import { quoted } from './mysql-sql';
import { MysqlTables } from './mysql-tables';
import { MysqlTransaction } from './mysql-transaction';

/** Options of `mysqlBackend`. */
export interface MysqlBackendOptions extends SqlBackendOptions<MysqlPool | TypeOrmDataSource> {}

const FAMILY: SqlFamily<MysqlPool | TypeOrmDataSource> = {
  caller: 'mysqlBackend',
  urls: /^(mysql|mariadb):\/\//,
  exampleUrl: 'mysql://localhost/app',
  driver: 'mysql2',
  more: [],
  isPool(value): value is MysqlPool | TypeOrmDataSource {
    if (isDataSource(value)) return ['mysql', 'mariadb'].includes(value.options.type);
    return isPromisePool(value) || isCallbackPool(value);
  },
};

/**
 * Locks in MySQL 8.0.19, MariaDB 10.6 or newer, by one of three strategies: see `SqlStrategy`.
 *
 * @param target - a connection string, a pool of `mysql2` or `mysql2/promise`, a DataSource of TypeORM, or options
 * @throws LockConfigError when that is none of them
 */
export function mysqlBackend(target: string | MysqlPool | TypeOrmDataSource | MysqlBackendOptions): LockBackend {
  const settings = checkSqlOptions<MysqlPool | TypeOrmDataSource>(target, FAMILY);
  const table = quoted(settings.table);
  const tables = new MysqlTables(settings.table);
  const dialect: Dialect = {
    name: 'MySQL',
    diagnose: diagnoseMysql,
    isRefusal,
    tables,
    lease: new MysqlLease(table),
    transaction: new MysqlTransaction(table, tables),
  };
  return new SqlBackend('mysql', settings, {
    dialect,
    open: (patience) => MysqlDatabase.open(settings, patience),
    wakeups: () => noWakeups,
  });
}
