import type { LockBackend } from '../../../core/backend';
import { systemClock } from '../../../core/clock';
import { LockConfigError } from '../../../core/errors';
import type { TypeOrmDataSource } from '../data-source';
import { isDataSource } from '../data-source';
import type { Dialect } from '../dialect';
import type { SqlBackendOptions, SqlFamily } from '../options';
import { checkBoolean, checkSqlOptions } from '../options';
import { SqlBackend } from '../sql-backend';
import { noWakeups } from '../wakeups';
import type { PostgresPool } from './client';
import { Notifications } from './notifications';
import { PostgresDatabase } from './postgres-database';
import { PostgresLease } from './postgres-lease';
import { diagnosePostgres, isRefusal } from './postgres-states';
import { namesOf, PostgresTables } from './postgres-tables';
import { PostgresTransaction } from './postgres-transaction';

/** Options of `postgresBackend`. */
export interface PostgresBackendOptions extends SqlBackendOptions<PostgresPool | TypeOrmDataSource> {
  /**
   * Whether those who wait are woken by LISTEN and NOTIFY, which takes one connection while somebody waits; for `'lease'`.
   * `false` behind a pooler in transaction mode: they then ask up to 40 times a second. Default: `true`.
   */
  notifications?: boolean;
}

const NO_COCKROACH =
  'postgresBackend() does not work with CockroachDB, which has no advisory locks and no LISTEN. Use PostgreSQL.';

const FAMILY: SqlFamily<PostgresPool | TypeOrmDataSource> = {
  caller: 'postgresBackend',
  urls: /^postgres(ql)?:\/\//,
  exampleUrl: 'postgres://localhost/app',
  driver: 'pg',
  more: ['notifications'],
  isPool(value): value is PostgresPool | TypeOrmDataSource {
    if (isDataSource(value)) {
      if (value.options.type === 'cockroachdb') throw new LockConfigError(NO_COCKROACH);
      return ['postgres', 'aurora-postgres'].includes(value.options.type);
    }
    const { connect, query, on, totalCount } = (value ?? {}) as Partial<PostgresPool> & { query?: unknown };
    return [connect, query, on].every((method) => typeof method === 'function') && typeof totalCount === 'number';
  },
};

/**
 * Locks in PostgreSQL 10 or newer, by one of three strategies: see `SqlStrategy`.
 *
 * @param target - a connection string, a pool of `pg`, a DataSource of TypeORM, or options
 * @throws LockConfigError when that is none of them
 */
export function postgresBackend(
  target: string | PostgresPool | TypeOrmDataSource | PostgresBackendOptions,
): LockBackend {
  const settings = checkSqlOptions<PostgresPool | TypeOrmDataSource>(target, FAMILY);
  const { notifications } = (typeof target === 'object' ? target : {}) as PostgresBackendOptions;
  if (notifications !== undefined) {
    checkBoolean('notifications', notifications);
    if (settings.strategy !== 'lease')
      throw new LockConfigError(
        `Expected "notifications" with the strategy "lease", got it with "${settings.strategy}"`,
      );
  }
  const { table, sequence } = namesOf(settings.table);
  const tables = new PostgresTables(settings.table);
  const dialect: Dialect = {
    name: 'PostgreSQL',
    diagnose: diagnosePostgres,
    isRefusal,
    tables,
    lease: new PostgresLease(table),
    transaction: new PostgresTransaction(table, sequence, tables),
  };
  return new SqlBackend('postgres', settings, {
    dialect,
    open: (patience) => PostgresDatabase.open(settings, patience),
    wakeups: (database, patience) =>
      notifications !== false && database.size !== 1
        ? new Notifications(database, systemClock, patience, settings.commandTimeout)
        : noWakeups,
  });
}
