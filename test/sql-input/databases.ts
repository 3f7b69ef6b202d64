import { createPool } from 'mysql2/promise';
import { Pool } from 'pg';
import type { LockBackend } from 'nestlock';
import * as mysql from 'nestlock/mysql';
import * as postgres from 'nestlock/postgres';
import { startMariaDb } from '../servers/mariadb';
import { startPostgres } from '../servers/postgres';

/** A server that tests start. */
export interface Started {
  readonly url: string;
  query(sql: string): Promise<object[]>;
  stop(): Promise<void>;
}

/** What differs between the databases in these tests. */
export interface DatabaseKind {
  /** As messages call it. */
  readonly name: string;
  readonly start: () => Promise<Started>;
  readonly backend: (target: never) => LockBackend;
  readonly ddl: (table?: string) => string;
  readonly transactionOf: typeof postgres.transactionOf;
  readonly updateVersioned: (client: never, update: postgres.VersionedUpdate) => Promise<void>;
  readonly pool: (url: string) => { query(sql: string): Promise<unknown>; end(): Promise<void> };
  /** What messages say of a wrong password, of a database that is not there, of a table that may not be made. */
  readonly says: { readonly password: RegExp; readonly database: RegExp; readonly rights: RegExp };
  /** Makes a user "guest" who may do nothing but connect, with the password "guest". */
  readonly guest: readonly string[];
  /** Lets the guest make the table "granted_later", and does not any more. */
  readonly grant: string;
  readonly revoke: string;
  /** A table with the right columns, one of which has another type. */
  readonly otherType: string;
}

export const POSTGRES: DatabaseKind = {
  name: 'PostgreSQL',
  start: startPostgres,
  backend: postgres.postgresBackend,
  ddl: postgres.postgresTable,
  transactionOf: postgres.transactionOf,
  updateVersioned: postgres.updateVersioned,
  pool: (url) => new Pool({ connectionString: url }),
  says: {
    password: /password authentication failed/,
    database: /"nowhere" does not exist/,
    rights: /permission denied/,
  },
  guest: [`CREATE ROLE guest LOGIN PASSWORD 'guest'`, 'REVOKE CREATE ON SCHEMA public FROM public'],
  grant: 'GRANT CREATE ON SCHEMA public TO guest',
  revoke: 'REVOKE CREATE ON SCHEMA public FROM guest',
  otherType:
    'CREATE TABLE wrong (key text PRIMARY KEY, holder int, shared jsonb, expires_at bigint, fence bigint, version bigint, ' +
    'awaited boolean, label text, used_at bigint)',
};

export const MARIADB: DatabaseKind = {
  name: 'MySQL',
  start: startMariaDb,
  backend: mysql.mysqlBackend,
  ddl: mysql.mysqlTable,
  transactionOf: mysql.transactionOf,
  updateVersioned: mysql.updateVersioned,
  pool: (url) => createPool(url),
  says: { password: /Access denied/, database: /Unknown database|Access denied/, rights: /denied/ },
  guest: [`CREATE USER guest@'%' IDENTIFIED BY 'guest'`, `GRANT SELECT ON test.* TO guest@'%'`],
  grant: `GRANT CREATE, INSERT, UPDATE, DELETE ON test.granted_later TO guest@'%'`,
  revoke: `REVOKE CREATE, INSERT, UPDATE, DELETE ON test.granted_later FROM guest@'%'`,
  otherType:
    'CREATE TABLE wrong (`key` varchar(255) PRIMARY KEY, holder int, shared json, expires_at bigint, fence bigint, ' +
    'version bigint, label text, used_at bigint)',
};

/** The server's URL with something else in it. */
export function urlWith(
  url: string,
  parts: Partial<Record<'username' | 'password' | 'pathname' | 'port', string>>,
): string {
  return Object.assign(new URL(url), parts).href;
}
