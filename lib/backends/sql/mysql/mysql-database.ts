import { createRequire } from 'node:module';
import { LockConfigError } from '../../../core/errors';
import type { TypeOrmDataSource, TypeOrmQueryRunner } from '../data-source';
import { isDataSource } from '../data-source';
import type { Connection, Database } from '../database';
import { markUnsent } from '../failures';
import type { SqlSettings } from '../options';
import type { MysqlConnectionOfPool, MysqlPool, MysqlPromisePool } from './client';
import { isPromisePool } from './client';
import { isRefusal } from './mysql-errors';
import type { MysqlResult } from './mysql-statement';
import { send, Status } from './mysql-statement';

type OwnPool = MysqlPromisePool & { end(): Promise<void> };

/** What `mysql2/promise` exports, as far as it is used. */
interface Driver {
  createPool(options: object): OwnPool;
}

/** A connection, and how it is given back. */
interface Lent {
  readonly core: MysqlConnectionOfPool;
  /** What the user gets: of the same kind as the pool. */
  readonly client: unknown;
  readonly release: (broken: boolean) => void;
}

/** A database through a pool of `mysql2`, or a DataSource of TypeORM. */
export class MysqlDatabase implements Database {
  readonly #pool: MysqlPool | TypeOrmDataSource;
  readonly #own: OwnPool | undefined;
  /** Connections that commit each statement. */
  readonly #committing = new WeakSet<object>();

  private constructor(pool: MysqlPool | TypeOrmDataSource, own?: OwnPool) {
    this.#pool = pool;
    this.#own = own;
  }

  /** @throws LockConfigError when the driver is missing, or another version */
  static async open({
    pool,
    url,
    options,
    commandTimeout,
  }: SqlSettings<MysqlPool | TypeOrmDataSource>): Promise<MysqlDatabase> {
    if (pool) return new MysqlDatabase(pool);
    const { createPool } = await loadDriver();
    const own = createPool({ connectTimeout: commandTimeout, ...options, ...(url !== undefined && { uri: url }) });
    return new MysqlDatabase(own, own);
  }

  get size(): number | undefined {
    if (isDataSource(this.#pool)) return undefined;
    const core = isPromisePool(this.#pool) ? this.#pool.pool : this.#pool;
    const { config } = core as { config?: { connectionLimit?: unknown } };
    const limit = config?.connectionLimit;
    return typeof limit === 'number' && limit > 0 ? limit : undefined; // 0: no limit
  }

  async query(sql: string): Promise<readonly MysqlResult[]> {
    const { core, release } = await this.#lend();
    // A connection that breaks says so by an event as well, and perhaps nobody else listens.
    const onError = (): void => undefined;
    core.on('error', onError);
    let isBroken = true;
    try {
      const result = await send(core, sql);
      await this.#commit(core, result);
      isBroken = false;
      return [result];
    } catch (error) {
      isBroken = !isRefusal(error) || !(await this.#hasRolledBack(core));
      throw error;
    } finally {
      if (!isBroken) core.removeListener('error', onError);
      release(isBroken);
    }
  }

  async connect(): Promise<MysqlConnection> {
    return new MysqlConnection(await this.#lend());
  }

  async close(): Promise<void> {
    // It waits for connections that are in use, and so for work that outlives the application's shutdown.
    await Promise.race([this.#own?.end(), new Promise<void>((resolve) => setTimeout(resolve, 1_000).unref())]);
  }

  /** The user's pool may have sessions without "autocommit". */
  async #hasRolledBack(core: MysqlConnectionOfPool): Promise<boolean> {
    if (this.#committing.has(core)) return true;
    return send(core, 'ROLLBACK').then(
      () => true,
      () => false,
    );
  }

  async #commit(core: MysqlConnectionOfPool, { status }: MysqlResult): Promise<void> {
    if (status === undefined && this.#committing.has(core)) return;
    const now = status ?? (await send(core, 'DO 0')).status ?? Status.autocommit;
    if (now & Status.autocommit) this.#committing.add(core);
    else this.#committing.delete(core);
    if (now & Status.inTransaction) await send(core, 'COMMIT');
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
    if (isDataSource(pool)) {
      const runner = pool.createQueryRunner() as TypeOrmQueryRunner;
      const core = (await runner.connect()) as MysqlConnectionOfPool;
      return { core, client: core, release: releasing(core, () => void runner.release().catch(() => undefined)) };
    }
    if (isPromisePool(pool)) {
      const client = await pool.getConnection();
      const { connection: core } = client as unknown as { connection: MysqlConnectionOfPool };
      return { core, client, release: releasing(core, () => core.release()) };
    }
    const core = await new Promise<MysqlConnectionOfPool>((resolve, reject) =>
      pool.getConnection((error, connection) => (error ? reject(error) : resolve(connection))),
    );
    return { core, client: core, release: releasing(core, () => core.release()) };
  }
}

function releasing(core: MysqlConnectionOfPool, giveBack: () => void): Lent['release'] {
  return (broken) => {
    if (broken) {
      core.destroy();
      // It has only said goodbye, which a server that waits for a lock does not hear.
      (core as { stream?: { destroy?(): void } }).stream?.destroy?.();
    }
    giveBack();
  };
}

/** A connection for a transaction. */
export class MysqlConnection implements Connection {
  readonly client: unknown;
  failure: Error | undefined;
  readonly #core: MysqlConnectionOfPool;
  readonly #release: (broken: boolean) => void;
  /** The driver forgets statements that are under way when it destroys a connection. */
  readonly #underWay = new Set<(cause: Error) => void>();
  #onEnded: ((cause: Error) => void) | undefined;
  #isOver = false;

  constructor({ core, client, release }: Lent) {
    this.client = client;
    this.#core = core;
    this.#release = release;
    core.on('error', this.#fail);
    core.on('end', this.#fail);
  }

  get isBusy(): boolean | undefined {
    const core = this.#core as { _command?: unknown };
    return '_command' in core ? Boolean(core._command) : undefined;
  }

  readonly query = (sql: string): Promise<readonly MysqlResult[]> =>
    new Promise((resolve, reject) => {
      this.#underWay.add(reject);
      const done = (): void => void this.#underWay.delete(reject);
      send(this.#core, sql)
        .then((result) => resolve([result]), reject)
        .then(done, done);
    });

  whenEnded(callback: (cause: Error) => void): void {
    this.#onEnded = callback;
  }

  giveBack(): void {
    this.#leave(this.failure !== undefined);
  }

  destroy(): void {
    this.#leave(true);
    for (const reject of this.#underWay) reject(new Error('The connection was ended'));
  }

  #leave(broken: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#core.removeListener('end', this.#fail);
    if (!broken) this.#core.removeListener('error', this.#fail); // otherwise errors may still come, and nobody listens
    this.#release(broken);
  }

  readonly #fail = (cause?: Error): void => {
    if (this.failure || this.#isOver) return;
    this.failure = cause ?? new Error('The server has closed the connection');
    this.#onEnded?.(this.failure);
  };
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
  const { version } = createRequire(__filename)('mysql2/package.json') as { version: string };
  if (version.split('.')[0] !== '3') {
    throw new LockConfigError(`mysqlBackend() works with mysql2 3, found ${version}. Run: npm install mysql2@3`);
  }
  return module.default;
}
