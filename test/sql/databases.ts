import type { Pool as MysqlPool } from 'mysql2/promise';
import { createPool } from 'mysql2/promise';
import type { PoolClient } from 'pg';
import { Pool } from 'pg';
import type { SqlBackendOptions } from '../../lib/backends/sql/options';
import type { MysqlBackendOptions } from '../../lib/backends/sql/mysql';
import { mysqlBackend, mysqlTable, transactionOf as mysqlTransactionOf } from '../../lib/backends/sql/mysql';
import type { PostgresBackendOptions } from '../../lib/backends/sql/postgres';
import { postgresBackend, postgresTable, transactionOf } from '../../lib/backends/sql/postgres';
import type { LockBackend } from '../../lib/core/backend';
import type { Lock } from '../../lib/core/lock';
import type { BackendChoice } from '../processes/backend-choice';
import type { Server } from '../servers/server';
import { startMariaDb } from '../servers/mariadb';
import { startPostgres } from '../servers/postgres';

export type Row = Record<string, unknown>;
export type Options = Omit<SqlBackendOptions<any>, 'pool'> & { pool?: unknown };

/** A server of either kind. */
export interface SqlServer extends Server {
  readonly url: string;
  query(sql: string): Promise<Row[]>;
  setClock(offset: number): void;
}

/** A connection of a pool that is not ours. */
export interface UserConnection {
  query(sql: string): Promise<Row[]>;
  /** How many listeners it has. */
  readonly listeners: number;
  release(): void;
}

/** A pool that is not ours. */
export interface UserPool {
  /** What the backend is given. */
  readonly pool: unknown;
  readonly total: number;
  readonly idle: number;
  connect(): Promise<UserConnection>;
  end(): Promise<void>;
}

/** What these tests say to a database. */
export interface Database {
  readonly name: string;
  /** What ends the server as an operator would. */
  readonly stopSignal: NodeJS.Signals;
  start(options?: { movableClock?: boolean; conf?: string[] }): Promise<SqlServer>;
  backend(options: Options): LockBackend;
  /** The same for another process. */
  choice(options: Options): BackendChoice;
  /** The exported DDL, one statement each. */
  ddl(table?: string): string[];
  pool(url: string, size: number): UserPool;
  /** The options of a pool of ours of so many connections. */
  sized(size: number): object;
  /** Sends a statement through the transaction of a lock. */
  through(lock: Lock, sql: string): Promise<Row[]>;
  readonly begin: string;
  /** What the work has of a transaction, and may keep. */
  clientOf(lock: Lock): { query(sql: string): Promise<unknown> };
  /** The id of the connection that asks. */
  readonly whoAmI: string;
  kill(id: unknown): string;
  /** What takes so many seconds. */
  sleep(seconds: number): string;
  /** All connections of clients but that which asks. */
  readonly sessions: string;
  /** Those in a transaction: by the last of these. */
  readonly transactions: string[];
  /** Those that wait for a row. */
  readonly waiting: string;
  /** Those that wait to delete or to drop something. */
  readonly blocked: string;
  /** The settings of a connection, as `name` and `value`, as far as they do not change by themselves. */
  readonly settings: string;
  /** What is left of a transaction, a lock or a subscription on the connection that asks; no rows if there is nothing. */
  readonly leftovers: string;
  /** For all connections to come. */
  isolation(level: string): string[];
  /** What makes and ends a database that can only be read, by most users. */
  readonly readOnly: { readonly on: string[]; readonly off: string[] };
  /** What makes such a user, "app", who has the password "app". */
  readonly newUser: string[];
}

const postgres: Database = {
  name: 'PostgreSQL',
  stopSignal: 'SIGINT',
  start: startPostgres,
  backend: postgresBackend as Database['backend'],
  choice: (options) => ['postgres', options as PostgresBackendOptions],
  ddl: (table) => [postgresTable(table)],
  pool(url, size) {
    const pool = new Pool({ connectionString: url, max: size, idleTimeoutMillis: 0 });
    pool.on('error', () => undefined);
    return {
      pool,
      get total() {
        return pool.totalCount;
      },
      get idle() {
        return pool.idleCount;
      },
      async connect() {
        const client = await pool.connect();
        return {
          query: async (sql) => (await client.query<Row>(sql)).rows,
          listeners: client.eventNames().reduce((sum, name) => sum + client.listenerCount(name), 0),
          release: () => client.release(),
        };
      },
      end: () => pool.end(),
    };
  },
  sized: (max) => ({ max }),
  through: async (lock, sql) => (await transactionOf<PoolClient>(lock).query<Row>(sql)).rows,
  begin: 'BEGIN',
  clientOf: transactionOf,
  whoAmI: 'SELECT pg_backend_pid() AS id',
  kill: (id) => `SELECT pg_terminate_backend(${String(id)})`,
  sleep: (seconds) => `SELECT pg_sleep(${seconds})`,
  sessions: activity('true'),
  transactions: [activity('xact_start IS NOT NULL')],
  waiting: activity("wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE'"),
  blocked: activity("wait_event_type = 'Lock' AND query ~ '^(DROP|DELETE)'"),
  settings: 'SELECT name, setting AS value FROM pg_settings',
  leftovers:
    "SELECT locktype AS what FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' " +
    'UNION ALL SELECT pg_listening_channels() UNION ALL SELECT name FROM pg_prepared_statements ' +
    'UNION ALL SELECT pg_current_xact_id_if_assigned()::text WHERE pg_current_xact_id_if_assigned() IS NOT NULL ' +
    // Outside of a transaction each statement begins one.
    "UNION ALL SELECT 'transaction' WHERE now() <> statement_timestamp()",
  isolation: (level) => [`ALTER SYSTEM SET default_transaction_isolation = '${level}'`, 'SELECT pg_reload_conf()'],
  readOnly: {
    on: ['ALTER SYSTEM SET default_transaction_read_only = on', 'SELECT pg_reload_conf()'],
    off: ['ALTER SYSTEM SET default_transaction_read_only = off', 'SELECT pg_reload_conf()'],
  },
  newUser: ["CREATE USER app SUPERUSER PASSWORD 'app'"],
};

function activity(condition: string): string {
  return (
    'SELECT pid AS id, state, query FROM pg_stat_activity ' +
    `WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND (${condition})`
  );
}

/** What says by itself what has happened, or when it is. */
const CHANGING =
  /^(timestamp|rand_seed[12]|pseudo_thread_id|last_insert_id|insert_id|identity|error_count|warning_count|in_transaction|(last_)?gtid\w*)$/i;

const mariadb: Database = {
  name: 'MariaDB',
  stopSignal: 'SIGTERM',
  start: startMariaDb,
  backend: mysqlBackend as Database['backend'],
  choice: (options) => ['mysql', options as MysqlBackendOptions],
  ddl: (table) => [mysqlTable(table)],
  pool(url, size) {
    const pool = createPool({ uri: url, connectionLimit: size });
    // The only way to its numbers.
    const { pool: inner } = pool as MysqlPool & {
      readonly pool: { readonly _allConnections: { length: number }; readonly _freeConnections: { length: number } };
    };
    return {
      pool,
      get total() {
        return inner._allConnections.length;
      },
      get idle() {
        return inner._freeConnections.length;
      },
      async connect() {
        const connection = await pool.getConnection();
        const { connection: emitter } = connection as unknown as { connection: NodeJS.EventEmitter };
        return {
          query: async (sql) => {
            const [rows] = await connection.query(sql);
            return Array.isArray(rows) ? (rows as Row[]) : [];
          },
          listeners: emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0),
          release: () => connection.release(),
        };
      },
      end: () => pool.end(),
    };
  },
  sized: (connectionLimit) => ({ connectionLimit }),
  async through(lock, sql) {
    const [rows] = (await mysqlTransactionOf(lock).query(sql)) as [unknown, unknown];
    return Array.isArray(rows) ? (rows as Row[]) : [];
  },
  begin: 'START TRANSACTION',
  clientOf: mysqlTransactionOf,
  whoAmI: 'SELECT CONNECTION_ID() AS id',
  kill: (id) => `KILL ${String(id)}`,
  sleep: (seconds) => `SELECT SLEEP(${seconds})`,
  sessions:
    'SELECT ID AS id, COMMAND AS state, INFO AS query FROM information_schema.PROCESSLIST ' +
    "WHERE ID <> CONNECTION_ID() AND USER IN ('nestlock', 'app')",
  // It answers the same until nobody has asked for 100 ms.
  transactions: ['DO SLEEP(0.12)', 'SELECT trx_mysql_thread_id AS id FROM information_schema.INNODB_TRX'],
  waiting:
    "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE INFO LIKE '%nestlock%FOR UPDATE' AND TIME_MS > 20",
  blocked: "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE INFO REGEXP '^(DROP|DELETE)' AND TIME_MS > 20",
  settings:
    'SELECT VARIABLE_NAME AS name, VARIABLE_VALUE AS value FROM information_schema.SESSION_VARIABLES ' +
    `WHERE VARIABLE_NAME NOT REGEXP '${CHANGING.source.replaceAll('\\', '\\\\')}'`,
  leftovers: "SELECT 'transaction' AS what FROM DUAL WHERE @@in_transaction = 1",
  isolation: (level) => [`SET GLOBAL tx_isolation = '${level.toUpperCase().replace(' ', '-')}'`],
  readOnly: { on: ['SET GLOBAL read_only = 1'], off: ['SET GLOBAL read_only = 0'] },
  newUser: ["CREATE USER app IDENTIFIED BY 'app'", 'GRANT ALL ON test.* TO app'],
};

export const DATABASES: readonly Database[] = [postgres, mariadb];
