import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { SqlStrategy } from '../../lib/backends/sql/options';
import type { LockEvent } from '../../lib/core/events';
import type { Lock } from '../../lib/core/lock';
import type { LockServiceInit } from '../../lib/core/lock-service';
import { LockService } from '../../lib/core/lock-service';
import { Worker } from '../processes/worker';
import type { TcpProxy } from '../servers/proxy';
import { startProxy } from '../servers/proxy';
import { until } from '../servers/until';
import type { Database, Options, Row, SqlServer, UserPool } from './databases';

/** The ttl of locks that have to end by themselves, in ms. */
export const TTL = 1_000;
export const STRATEGIES: readonly SqlStrategy[] = ['lease', 'transaction', 'optimistic'];
/** The strategies with a transaction that the work writes through. */
export const TRANSACTIONAL: readonly SqlStrategy[] = ['transaction', 'optimistic'];
/** The strategies that exclude. */
export const EXCLUSIVE: readonly SqlStrategy[] = ['lease', 'transaction'];

const DEFAULTS = { ttl: '30s', waitTimeout: '25s', maxLocalHandoffs: 0 } as const;

type Init = Partial<LockServiceInit>;

const toClose: (() => Promise<unknown>)[] = [];
const contended: string[] = [];
const onContended = (event: unknown): void => void contended.push((event as LockEvent).key);
// Channels outlive a test file: what is not taken off would go on with the next one in the same process.
beforeAll(() => subscribe('nestlock:contended', onContended));
afterAll(() => void unsubscribe('nestlock:contended', onContended));

/** A database for the tests of a describe block. */
export class Fixture {
  constructor(
    readonly database: Database,
    readonly server: SqlServer,
  ) {}

  /** A service on a backend with these options. */
  async service(options: Options = {}, init: Init = {}): Promise<LockService> {
    const service = this.unopened(options, init);
    await service.open();
    return service;
  }

  unopened(options: Options = {}, init: Init = {}): LockService {
    const backend = this.database.backend(this.optionsFor(options));
    const service = new LockService({ backend, ...DEFAULTS, ...init });
    toClose.push(() => service.close());
    return service;
  }

  /** A process with a service of its own. */
  async worker(options: Options = {}, init: Init = {}, env: NodeJS.ProcessEnv = {}): Promise<Worker> {
    const choice = this.database.choice(this.optionsFor(options));
    const worker = await Worker.start(choice, { ...DEFAULTS, ...init }, env);
    toClose.push(async () => {
      await worker.close();
      expect(worker.uncaught).toEqual([]);
    });
    return worker;
  }

  async proxy(): Promise<TcpProxy> {
    const proxy = await startProxy(this.server);
    toClose.push(() => proxy.close());
    return proxy;
  }

  /** A pool of the user's own. */
  pool(size: number, url = this.server.url): UserPool {
    const pool = this.database.pool(url, size);
    toClose.push(() => pool.end());
    return pool;
  }

  /** As an operator. */
  async query(...statements: readonly string[]): Promise<Row[]> {
    let rows: Row[] = [];
    for (const sql of statements) rows = await this.server.query(sql);
    return rows;
  }

  async write(lock: Lock, word: string): Promise<void> {
    await this.database.through(lock, `INSERT INTO writes VALUES ('${word}')`);
  }

  /** What was written and committed. */
  async written(): Promise<string[]> {
    return (await this.query('SELECT word FROM writes ORDER BY word')).map(({ word }) => String(word));
  }

  async connectionOf(lock: Lock): Promise<unknown> {
    const [me] = await this.database.through(lock, this.database.whoAmI);
    return me!['id'];
  }

  /** Kills connections, if they are there. */
  async kill(...ids: readonly unknown[]): Promise<void> {
    for (const id of ids) await this.query(this.database.kill(id)).catch(() => undefined);
  }

  /** The ids of connections: of `sessions`, `transactions` or `waiting`. */
  async ids(...of: readonly string[]): Promise<unknown[]> {
    return (await this.query(...of)).map(({ id }) => id);
  }

  /** Resolves to the ids of the connections that wait for a row, when they are so many. */
  async waiting(count = 1): Promise<unknown[]> {
    return until(`${count} that wait for a row`, async () => {
      const ids = await this.ids(this.database.waiting);
      return ids.length === count && ids;
    });
  }

  /** Resolves when somebody waits to alter or delete something. */
  async blocked(): Promise<void> {
    await until('a deed that waits', async () => (await this.query(this.database.blocked)).length > 0);
  }

  /** Resolves when there is no transaction. */
  async nobodyIn(): Promise<void> {
    await until(
      'the end of all transactions',
      async () => (await this.ids(...this.database.transactions)).length === 0,
    );
  }

  /** Starts it again, after it was ended by that. */
  async restart(how: 'SIGKILL' | 'orderly'): Promise<void> {
    const { server } = this;
    if (how === 'SIGKILL') await server.kill();
    else process.kill(server.pid, this.database.stopSignal);
    await until('the end of the server', () => !server.running);
    await server.start();
  }

  private optionsFor(options: Options): Options {
    return { commandTimeout: '10s', ...(options.pool === undefined && { url: this.server.url }), ...options };
  }
}

/** A server for the tests of a describe block; after each of them nothing may be left on it. */
export function useDatabase(database: Database, options: Parameters<Database['start']>[0] = {}): () => Fixture {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = new Fixture(database, await database.start(options));
    await fixture.query(
      'CREATE TABLE writes (word varchar(99))',
      'CREATE TABLE counters (name varchar(99) PRIMARY KEY, number int NOT NULL)',
    );
  }, 60_000);
  afterEach(async () => {
    if (!fixture) return;
    contended.length = 0;
    const failures: unknown[] = [];
    const note = (error: unknown): unknown => failures.push(error);
    const none = async (...sql: string[]): Promise<boolean> => (await fixture.query(...sql)).length === 0;
    await until('the end of all transactions', () => none(...database.transactions), 20_000).catch(note);
    for (const close of toClose.splice(0).reverse()) await close().catch(note);
    await until('the end of all connections', () => none(database.sessions), 20_000).catch(note);
    await fixture.query('DELETE FROM writes', 'DELETE FROM counters');
    if (failures.length > 0) throw failures[0];
  }, 90_000);
  afterAll(() => fixture?.server.stop());
  return () => fixture;
}

/** Resolves when so many claims of this process have had to wait for the lock. */
export async function waited(key: string, count = 1): Promise<void> {
  await until(`${count} who wait for ${key}`, () => {
    return contended.filter((each) => each === `nestlock:${key}`).length >= count;
  });
}

/** How long it takes, in ms. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** Somebody else who opens it for all. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
