import { LockService } from '../../lib/core/lock-service';
import { postgresBackend } from '../../lib/backends/sql/postgres';
import type { PgBouncerServer } from '../servers/pgbouncer';
import { startPgBouncer } from '../servers/pgbouncer';
import type { PostgresServer } from '../servers/postgres';
import { startPostgres } from '../servers/postgres';
import { until } from '../servers/until';

describe('PgBouncer in transaction mode', () => {
  let postgres: PostgresServer;
  let bouncer: PgBouncerServer;
  const services: LockService[] = [];

  beforeAll(async () => {
    postgres = await startPostgres();
    bouncer = await startPgBouncer(postgres, { mode: 'transaction' });
  });
  afterEach(() => Promise.all(services.splice(0).map((service) => service.close())));
  afterAll(async () => {
    await bouncer?.stop();
    await postgres?.stop();
  });

  function serviceOn(options: object, url = bouncer.url): LockService {
    const service = new LockService({
      backend: postgresBackend({ url, commandTimeout: '10s', ...options }),
      maxLocalHandoffs: 0,
      waitTimeout: '60s',
    });
    services.push(service);
    return service;
  }

  it('messages do not arrive: it warns, once, and those who wait ask again', async () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const [a, b] = [serviceOn({ commandTimeout: 2_000 }), serviceOn({ notifications: false })];
    const lock = await b.acquire('k', { ttl: '60s' });
    const waiting = [a.acquire('k'), a.acquire('k')];
    await until('a warning', () => emitWarning.mock.calls.length > 0);
    await lock.release();
    for (const next of waiting) await (await next).release();
    expect(emitWarning.mock.calls).toEqual([
      [
        expect.stringMatching(/a message to ourselves did not arrive within 2000 ms.*set "notifications" to false/),
        { type: 'NestlockWarning', code: 'NESTLOCK_NOTIFICATIONS' },
      ],
    ]);
    emitWarning.mockRestore();
  });

  it('100 callers of 5 keys from two processes: one at a time, tokens grow', async () => {
    const pair = [serviceOn({ notifications: false }), serviceOn({ notifications: false })];
    const tokens = new Map<string, bigint>();
    const inside = new Set<string>();
    const work = (i: number): Promise<void> =>
      pair[i % 2]!.run(`load${i % 5}`, async (lock) => {
        const key = `load${i % 5}`;
        expect(inside.has(key)).toBe(false);
        inside.add(key);
        await new Promise((resolve) => setImmediate(resolve));
        inside.delete(key);
        expect(lock.fencingToken).toBeGreaterThan(tokens.get(key) ?? 0n);
        tokens.set(key, lock.fencingToken);
      });
    await Promise.all(Array.from({ length: 100 }, (_, i) => work(i)));
  });

  it.each(['transaction', 'optimistic'] as const)('%s works through it as well', async (strategy) => {
    const [a, b] = [serviceOn({ strategy }), serviceOn({ strategy })];
    await Promise.all([a, b, a, b].map((locks) => locks.run('k', () => undefined)));
  });
});

describe('without a pooler', () => {
  let postgres: PostgresServer;
  const services: LockService[] = [];
  const open = (): LockService => {
    const service = new LockService({
      backend: postgresBackend({ url: postgres.url, commandTimeout: '10s' }),
      maxLocalHandoffs: 0,
      waitTimeout: '60s',
    });
    services.push(service);
    return service;
  };

  beforeAll(async () => {
    postgres = await startPostgres({ conf: ["log_statement = 'all'"] });
  });
  afterEach(() => Promise.all(services.splice(0).map((service) => service.close())));
  afterAll(() => postgres?.stop());

  /** How often somebody has tried to take the lock of the key. */
  const tries = (key: string): number =>
    postgres
      .log()
      .split(`SET holder = `)
      .filter((text) => text.includes(`lease:nestlock:${key}'`)).length;

  const listening = (): Promise<unknown> =>
    until('somebody who listens', async () => {
      const rows = await postgres.query(`SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN nestlock'`);
      return rows[0]?.['pid'];
    });

  it('one who waits is woken by a message, and does not ask meanwhile', async () => {
    const [a, b] = [open(), open()];
    const lock = await a.acquire('quiet', { ttl: '60s' });
    const waiting = b.acquire('quiet', { ttl: '60s' });
    await listening();
    await until('the proof that messages arrive', () => postgres.log().includes(`pg_notify('nestlock', 'echo `));
    await until('silence', async () => {
      const asked = tries('quiet'); // until then it asks now and then
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return tries('quiet') === asked;
    });
    const before = tries('quiet');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(tries('quiet') - before).toBeLessThanOrEqual(1); // it makes sure every 5 s
    await lock.release();
    const next = await waiting;
    expect(tries('quiet') - before).toBeLessThanOrEqual(4);
    await next.release();
  });

  it('the connection that listens is killed: the lock is had all the same, and another one listens', async () => {
    const [a, b] = [open(), open()];
    const lock = await a.acquire('k', { ttl: '60s' });
    const waiting = b.acquire('k');
    const pid = await listening();
    await postgres.query(`SELECT pg_terminate_backend(${String(pid)})`);
    await lock.release();
    await (await waiting).release();
  });
});
