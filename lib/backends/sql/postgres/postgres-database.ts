import { createRequire } from 'node:module';
import { LockConfigError } from '../../../core/errors';
import type { Patience } from '../../../core/patience';
import type { TypeOrmDataSource, TypeOrmQueryRunner } from '../data-source';
import { isDataSource } from '../data-source';
import type { Connection, Database, Result } from '../database';
import { markUnsent } from '../failures';
import type { SqlSettings } from '../options';
import type { PostgresClient, PostgresPool } from './client';
import { isRefusal } from './postgres-states';

/** What `pg` exports, as far as it is used. */
interface Driver {
  readonly Pool: new (options: object) => PostgresPool & { end(): Promise<void> };
}

/** pg's answer to one statement; to several it is a list of these. */
interface PgResult {
  readonly rows: readonly Record<string, unknown>[];
  readonly rowCount: number | null;
}

/** The longest time-out that a timer takes: a wait for a lock is ended by us, not by the pool's "query_timeout". */
const NEVER = 2 ** 31 - 1;
/** How long a connection is kept for the next statement at most, in ms: a pool takes as long as a part of the statement. */
const KEEP = 10;

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

  get size(): number | undefined {
    return isDataSource(this.#pool) ? undefined : this.#pool.options?.max;
  }

  async query(sql: string): Promise<readonly Result[]> {
    const connection = this.#takeKept() ?? (await this.connect());
    // One that does not answer must not occupy the pool: nobody would end a statement that waits for something.
    const stop = this.patience.after(this.commandTimeout, () => connection.destroy());
    try {
      const answer = await connection.query(sql);
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
    const pool = this.#pool;
    try {
      if (isDataSource(pool)) return await connectThrough(pool);
      const client = await pool.connect();
      return new PostgresConnection(client, client.release); // a later user of the same client gets another
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

async function connectThrough(source: TypeOrmDataSource): Promise<PostgresConnection> {
  const runner = source.createQueryRunner() as TypeOrmQueryRunner;
  const client = (await runner.connect()) as PostgresClient & { end?(): Promise<void> };
  return new PostgresConnection(client, (broken) => {
    if (broken) void client.end?.().catch(() => undefined); // the pool drops what has ended
    runner.release().catch(() => undefined);
  });
}

/** A connection for a transaction. */
export class PostgresConnection implements Connection {
  failure: Error | undefined;
  #onEnded: ((cause: Error) => void) | undefined;
  #isOver = false;

  constructor(
    readonly client: PostgresClient,
    private readonly release: (broken: boolean) => void,
  ) {
    client.on('error', this.#fail);
    client.on('end', this.#fail);
  }

  get isBusy(): boolean | undefined {
    const { readyForQuery } = this.client as { readyForQuery?: unknown };
    return typeof readyForQuery === 'boolean' ? !readyForQuery : undefined;
  }

  readonly query = async (sql: string): Promise<readonly Result[]> => {
    const { connectionParameters } = this.client as { connectionParameters?: { query_timeout?: unknown } };
    const isLimited = Boolean(connectionParameters?.query_timeout);
    return resultsOf(await this.client.query(isLimited ? ({ text: sql, query_timeout: NEVER } as never) : sql));
  };

  whenEnded(callback: (cause: Error) => void): void {
    if (this.failure) callback(this.failure);
    else this.#onEnded = callback;
  }

  giveBack(): void {
    this.#leave(this.failure !== undefined);
  }

  destroy(): void {
    this.#leave(true);
  }

  #leave(broken: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.client.removeListener('end', this.#fail);
    try {
      this.release(broken); // the pool listens again from here on
    } finally {
      this.client.removeListener('error', this.#fail);
    }
  }

  readonly #fail = (cause?: Error): void => {
    if (this.failure) return;
    this.failure = cause ?? new Error('PostgreSQL has closed the connection');
    this.#onEnded?.(this.failure);
  };
}

function resultsOf(answer: unknown): readonly Result[] {
  const results = (Array.isArray(answer) ? answer : [answer]) as readonly PgResult[];
  return results.map(({ rows, rowCount }) => ({ rows, count: rowCount ?? rows.length }));
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
