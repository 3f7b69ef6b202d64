import { createRequire } from 'node:module';
import { LockConfigError } from '../../../core/errors';
import type { Patience } from '../../../core/patience';
import type { TypeOrmDataSource, TypeOrmQueryRunner } from '../data-source';
import { isDataSource } from '../data-source';
import type { Database, Result } from '../database';
import { markUnsent } from '../failures';
import type { SqlSettings } from '../options';
import type { PostgresClient, PostgresPool } from './client';
import { PostgresConnection } from './postgres-connection';
import { isRefusal } from './postgres-states';

/** What `pg` exports, as far as it is used. */
interface Driver {
  readonly Pool: new (options: object) => PostgresPool & { end(): Promise<void> };
}

/** How long a connection is kept for the next statement at most, in ms: a pool takes as long as a part of the statement. */
const KEEP = 10;

/** How long a statement may wait for a lock, as a part of the time that it may take. */
const LOCK_PART = 0.9;

/** A database through a pool of `pg`, or a DataSource of TypeORM. */
export class PostgresDatabase implements Database {
  readonly #own: (PostgresPool & { end(): Promise<void> }) | undefined;
  readonly #pool: PostgresPool | TypeOrmDataSource;
  #kept: PostgresConnection | undefined;
  #keeping: NodeJS.Timeout | undefined;

  private constructor(
    pool: PostgresPool | TypeOrmDataSource,
    /** How long a statement may take, in ms: it is not waited for any longer. */
    private readonly commandTimeout: number,
    private readonly patience: Patience,
    own?: PostgresPool & { end(): Promise<void> },
  ) {
    this.#pool = pool;
    this.#own = own;
  }

  /** @throws LockConfigError when the driver is missing, or another version */
  static async open(
    { pool, url, options, commandTimeout }: SqlSettings<PostgresPool | TypeOrmDataSource>,
    patience: Patience,
  ): Promise<PostgresDatabase> {
    if (pool) return new PostgresDatabase(pool, commandTimeout, patience);
    const { Pool } = await loadDriver();
    const own = new Pool({
      application_name: 'nestlock',
      connectionTimeoutMillis: commandTimeout,
      ...options,
      ...(url !== undefined && { connectionString: url }),
    });
    own.on('error', () => undefined); // an idle connection that breaks is replaced
    return new PostgresDatabase(own, commandTimeout, patience, own);
  }

  /** In ms: so that the server gives up before we do, and the connection can be used again. */
  get #lockTimeout(): number {
    return Math.ceil(this.commandTimeout * LOCK_PART);
  }

  get size(): number | undefined {
    return isDataSource(this.#pool) ? undefined : this.#pool.options?.max;
  }

  async query(sql: string): Promise<readonly Result[]> {
    const connection = this.#takeKept() ?? (await this.connect());
    // One that does not answer must not occupy the pool: nobody would end a statement that waits for something.
    const stop = this.patience.after(this.commandTimeout, () => connection.destroy());
    try {
      // The server does not notice that nobody waits for the answer any more, and would itself wait for a lock for ever.
      const [, ...answer] = await connection.query(`SET LOCAL lock_timeout = ${this.#lockTimeout}; ${sql}`);
      this.#keep(connection);
      return answer;
    } catch (error) {
      if (isRefusal(error)) this.#keep(connection);
      else connection.destroy();
      throw error;
    } finally {
      stop();
    }
  }

  async connect(): Promise<PostgresConnection> {
    try {
      const connection = await this.#checkOut();
      if (connection.isInTransaction) await leave(connection);
      return connection;
    } catch (error) {
      throw markUnsent(error);
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#keeping);
    this.#letGo();
    // It waits for connections that are in use, and so for work that outlives the application's shutdown.
    await Promise.race([this.#own?.end(), new Promise<void>((resolve) => setTimeout(resolve, 1_000).unref())]);
  }

  async #checkOut(): Promise<PostgresConnection> {
    const pool = this.#pool;
    if (isDataSource(pool)) return connectThrough(pool);
    return new Promise((resolve, reject) => {
      // Not a promise: what the server says in the same breath would find no listener, and end the process.
      pool.connect((error, client) => {
        if (error) reject(error);
        else resolve(new PostgresConnection(client!, client!.release)); // a later user of the same client gets another
      });
    });
  }

  #takeKept(): PostgresConnection | undefined {
    const kept = this.#kept;
    this.#kept = undefined;
    if (!kept?.failure) return kept;
    kept.destroy();
    return undefined;
  }

  /** Gives it back a little later, unless somebody might need it before. */
  #keep(connection: PostgresConnection): void {
    if (this.#kept || connection.failure || !this.#hasMore) return connection.giveBack();
    this.#kept = connection;
    this.#keeping ??= setTimeout(this.#letGo, KEEP).unref();
  }

  readonly #letGo = (): void => {
    this.#keeping = undefined;
    this.#takeKept()?.giveBack();
  };

  /** Whether the pool has another one for the next who asks. */
  get #hasMore(): boolean {
    const { options, totalCount, idleCount = 0, waitingCount = 1 } = this.#pool as Partial<PostgresPool>;
    return waitingCount === 0 && (idleCount > 0 || (totalCount ?? Infinity) < (options?.max ?? 0));
  }
}

/** Somebody has given it back in the middle of a transaction: what we do must not be a part of that. */
async function leave(connection: PostgresConnection): Promise<void> {
  try {
    await connection.query('ROLLBACK');
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

async function connectThrough(source: TypeOrmDataSource): Promise<PostgresConnection> {
  const runner = source.createQueryRunner() as TypeOrmQueryRunner;
  const client = (await runner.connect()) as PostgresClient & { end?(): Promise<void> };
  return new PostgresConnection(client, (broken) => {
    if (broken) void client.end?.().catch(() => undefined); // the pool drops what has ended
    runner.release().catch(() => undefined);
  });
}

/** @throws LockConfigError */
async function loadDriver(): Promise<Driver> {
  let module: { default: Driver };
  try {
    module = await import('pg');
  } catch (cause) {
    throw new LockConfigError('postgresBackend() needs the package "pg" to connect. Run: npm install pg', { cause });
  }
  const { version } = createRequire(__filename)('pg/package.json') as { version: string };
  if (version.split('.')[0] !== '8') {
    throw new LockConfigError(`postgresBackend() works with pg 8, found ${version}. Run: npm install pg@8`);
  }
  return module.default;
}
