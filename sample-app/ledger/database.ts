import type { Lock, LockBackend } from 'nestlock';
import type { SqlStrategy } from 'nestlock/postgres';

/** Takes statements; each `?` in them stands for a value. */
export interface SqlClient {
  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** How locks are to be kept, as the backends of all databases understand it. */
export interface LockOptions {
  readonly strategy: SqlStrategy;
  readonly attempts?: number;
  readonly maxConnections?: number;
}

/** A database through a pool of connections; hides what is different about the drivers. */
export abstract class Database implements SqlClient {
  /** Locks in this database, on connections of the same pool. */
  abstract lockBackend(options: LockOptions): LockBackend;

  /** Outside of any transaction. */
  abstract query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;

  /** The transaction of a lock: what is written through it is committed with the lock, or not at all. */
  abstract transactionOf(lock: Lock): SqlClient;

  abstract close(): Promise<void>;
}
