import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { LockConfigError } from '../../../core/errors';
import type { Patience } from '../../../core/patience';
import type { TypeOrmDataSource, TypeOrmQueryRunner } from '../data-source';
import { isDataSource } from '../data-source';
import type { Database } from '../database';
import { markUnsent } from '../failures';
import type { SqlSettings } from '../options';
import type { MysqlConnectionOfPool, MysqlPool, MysqlPromisePool } from './client';
import { isPromisePool } from './client';
import type { CheckedOut } from './mysql-connection';
import { MysqlConnection, releasing } from './mysql-connection';
import { isRefusal } from './mysql-errors';
import type { MysqlResult } from './mysql-statement';
import { Status } from './mysql-statement';

type OwnPool = MysqlPromisePool & { end(): Promise<void> };

/** What `mysql2/promise` exports, as far as it is used. */
interface Driver {
  createPool(options: object): OwnPool;
}

/** A database through a pool of `mysql2`, or a DataSource of TypeORM. */
export class MysqlDatabase implements Database {
  readonly #pool: MysqlPool | TypeOrmDataSource;
  readonly #own: OwnPool | undefined;
  /** Connections that commit each statement. */
  readonly #committing = new WeakSet<object>();

  private constructor(
    pool: MysqlPool | TypeOrmDataSource,
    /** How long a statement may take, in ms: it is not waited for any longer. */
    private readonly commandTimeout: number,
    private readonly patience: Patience,
    own?: OwnPool,
  ) {
    this.#pool = pool;
    this.#own = own;
  }

  /** @throws LockConfigError when the driver is missing, or another version */
  static async open(
    { pool, url, options, commandTimeout }: SqlSettings<MysqlPool | TypeOrmDataSource>,
    patience: Patience,
  ): Promise<MysqlDatabase> {
    if (pool) return new MysqlDatabase(pool, commandTimeout, patience);
    const { createPool } = await loadDriver();
    const own = createPool({ connectTimeout: commandTimeout, ...options, ...(url !== undefined && { uri: url }) });
    return new MysqlDatabase(own, commandTimeout, patience, own);
  }

  get size(): number | undefined {
    if (isDataSource(this.#pool)) return undefined;
    const core = isPromisePool(this.#pool) ? this.#pool.pool : this.#pool;
    const { config } = core as { config?: { connectionLimit?: unknown } };
    const limit = config?.connectionLimit;
    return typeof limit === 'number' && limit > 0 ? limit : undefined; // 0: no limit
  }

  query(sql: string, before?: string): Promise<readonly MysqlResult[]> {
    return this.#query(sql, { before, onSilent: (core) => this.#kill(core) });
  }

  /** `onSilent`: it has not been answered in time, and the connection was ended. */
  async #query(
    sql: string,
    { before, onSilent }: { before?: string | undefined; onSilent?: (core: MysqlConnectionOfPool) => void } = {},
  ): Promise<readonly MysqlResult[]> {
    const connection = await this.connect();
    const { core } = connection;
    // One that does not answer must not occupy the pool: nobody would end a statement that waits for something.
    const stop = this.patience.after(this.commandTimeout, () => {
      connection.destroy();
      onSilent?.(core);
    });
    try {
      if (before !== undefined) await connection.query(before);
      let results = await connection.query(sql);
      if (isLeftOpen(results[0]!)) {
        await connection.query('ROLLBACK');
        results = await connection.query(sql);
      }
      await this.#commit(core, connection, results[0]!);
      connection.giveBack();
      return results;
    } catch (error) {
      if (isRefusal(error) && (await this.#hasRolledBack(core, connection))) connection.giveBack();
      else connection.destroy();
      throw error;
    } finally {
      stop();
    }
  }

  async connect(): Promise<MysqlConnection> {
    try {
      return new MysqlConnection(await this.#checkOut());
    } catch (error) {
      throw markUnsent(error);
    }
  }

  async close(): Promise<void> {
    // It waits for connections that are in use, and so for work that outlives the application's shutdown.
    const ending = this.#own?.end().catch(() => undefined);
    await Promise.race([ending, new Promise<void>((resolve) => setTimeout(resolve, 1_000).unref())]);
  }

  /** The server does not notice that nobody waits for the answer any more, and would itself go on waiting for a lock. */
  #kill({ threadId }: MysqlConnectionOfPool): void {
    if (threadId) this.#query(`KILL ${threadId}`).catch(() => undefined); // perhaps it is the server that is away
  }

  /** The user's pool may have sessions without "autocommit". */
  async #commit(core: object, connection: MysqlConnection, { status }: MysqlResult): Promise<void> {
    if (status === undefined && this.#committing.has(core)) return;
    const now = status ?? (await connection.query('DO 0'))[0]?.status ?? Status.autocommit;
    if (now & Status.autocommit) this.#committing.add(core);
    else this.#committing.delete(core);
    if (now & Status.inTransaction) await connection.query(now & Status.autocommit ? 'ROLLBACK' : 'COMMIT'); // left open by another
  }

  /** A statement that failed may keep locks there. */
  async #hasRolledBack(core: object, connection: MysqlConnection): Promise<boolean> {
    if (this.#committing.has(core)) return true;
    return connection.query('ROLLBACK').then(
      () => true,
      () => false,
    );
  }

  async #checkOut(): Promise<CheckedOut> {
    const pool = this.#pool;
    if (isDataSource(pool)) {
      const runner = pool.createQueryRunner() as TypeOrmQueryRunner;
      const core = (await runner.connect()) as MysqlConnectionOfPool;
      const giveBack = (): void => void runner.release().catch(() => undefined);
      return { core, isForPromises: false, release: releasing(core, giveBack) };
    }
    const isForPromises = isPromisePool(pool);
    const core = await new Promise<MysqlConnectionOfPool>((resolve, reject) => {
      const corePool = isForPromises ? pool.pool : pool;
      corePool.getConnection((error, connection) => (error ? reject(error) : resolve(connection)));
    });
    return { core, isForPromises, release: releasing(core, () => core.release()) };
  }
}

/** Somebody has given it back in the middle of a transaction: what we do must not be a part of that. */
function isLeftOpen({ status = 0 }: MysqlResult): boolean {
  return (status & Status.inTransaction) !== 0 && (status & Status.autocommit) !== 0;
}

/** @throws LockConfigError */
async function loadDriver(): Promise<Driver> {
  let module: { default: Driver };
  try {
    module = await import('mysql2/promise');
  } catch (cause) {
    throw new LockConfigError('mysqlBackend() needs the package "mysql2" to connect. Run: npm install mysql2', {
      cause,
    });
  }
  const require = createRequire(__filename);
  // By its path: early versions do not export it.
  const { version } = require(join(dirname(require.resolve('mysql2')), 'package.json')) as { version: string };
  if (version.split('.')[0] !== '3') {
    throw new LockConfigError(`mysqlBackend() works with mysql2 3, found ${version}. Run: npm install mysql2@3`);
  }
  return module.default;
}
