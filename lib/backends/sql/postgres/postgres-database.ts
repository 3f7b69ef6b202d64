import { createRequire } from 'node:module';
import { LockConfigError } from '../../../core/errors';
import type { TypeOrmDataSource, TypeOrmQueryRunner } from '../data-source';
import { isDataSource } from '../data-source';
import type { Connection, Database, Result } from '../database';
import { markUnsent } from '../failures';
import type { SqlSettings } from '../options';
import type { PostgresClient, PostgresPool, PostgresPoolClient } from './client';
import { isRefusal } from './postgres-states';

/** What `pg` exports, as far as it is used. */
interface Driver {
  readonly Pool: new (options: object) => PostgresPool & { end(): Promise<void> };
}

/** A client, and how it is given back. */
interface Lent {
  readonly client: PostgresClient;
  readonly release: (broken: boolean) => void;
}

/** pg's answer to one statement; to several it is a list of these. */
interface PgResult {
  readonly rows: readonly Record<string, unknown>[];
  readonly rowCount: number | null;
}

/** The longest time-out that a timer takes: a wait for a lock is ended by us, not by the pool's "query_timeout". */
const NEVER = 2 ** 31 - 1;

/** A database through a pool of `pg`, or a DataSource of TypeORM. */
export class PostgresDatabase implements Database {
  readonly #own: (PostgresPool & { end(): Promise<void> }) | undefined;
  readonly #pool: PostgresPool | TypeOrmDataSource;

  /** How long a statement may take, in ms: it is not waited for any longer. */
  readonly #patience: number;

  private constructor(
    pool: PostgresPool | TypeOrmDataSource,
    patience: number,
    own?: PostgresPool & { end(): Promise<void> },
  ) {
    this.#pool = pool;
    this.#patience = patience;
    this.#own = own;
  }

  /** @throws LockConfigError when the driver is missing, or another version */
  static async open({
    pool,
    url,
    options,
    commandTimeout,
  }: SqlSettings<PostgresPool | TypeOrmDataSource>): Promise<PostgresDatabase> {
    if (pool) return new PostgresDatabase(pool, commandTimeout);
    const { Pool } = await loadDriver();
    const own = new Pool({
      application_name: 'nestlock',
      connectionTimeoutMillis: commandTimeout,
      ...options,
      ...(url !== undefined && { connectionString: url }),
    });
    own.on('error', () => undefined); // an idle connection that breaks is replaced
    return new PostgresDatabase(own, commandTimeout, own);
  }

  get size(): number | undefined {
    return isDataSource(this.#pool) ? undefined : this.#pool.options?.max;
  }

  async query(sql: string): Promise<readonly Result[]> {
    const connection = await this.connect();
    // One that does not answer must not occupy the pool: nobody would end a statement that waits for something.
    const timer = setTimeout(() => connection.destroy(), this.#patience);
    try {
      const answer = await connection.query(sql);
      connection.giveBack();
      return answer;
    } catch (error) {
      if (isRefusal(error)) connection.giveBack();
      else connection.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async connect(): Promise<PostgresConnection> {
    const { client, release } = await this.#lend();
    return new PostgresConnection(client, release);
  }

  async close(): Promise<void> {
    // It waits for connections that are in use, and so for work that outlives the application's shutdown.
    await Promise.race([this.#own?.end(), new Promise<void>((resolve) => setTimeout(resolve, 1_000).unref())]);
  }

  async #lend(): Promise<Lent> {
    try {
      return await this.#checkOut();
    } catch (error) {
      throw markUnsent(error);
    }
  }

  async #checkOut(): Promise<Lent> {
    const pool = this.#pool;
    if (!isDataSource(pool)) {
      const client: PostgresPoolClient = await pool.connect();
      const { release } = client; // a later user of the same client gets another
      return { client, release: (broken) => release(broken) };
    }
    const runner = pool.createQueryRunner() as TypeOrmQueryRunner;
    const client = (await runner.connect()) as PostgresClient & { end?(): Promise<void> };
    return {
      client,
      release: (broken) => {
        if (broken) void client.end?.().catch(() => undefined); // the pool drops what has ended
        runner.release().catch(() => undefined);
      },
    };
  }
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
    this.#onEnded = callback;
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
