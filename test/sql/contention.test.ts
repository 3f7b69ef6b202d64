import { until } from '../servers/until';
import { DATABASES } from './databases';
import { EXCLUSIVE, STRATEGIES, useDatabase } from './support';

describe.each(DATABASES)('$name', (database) => {
  const on = useDatabase(database);

  describe.each(EXCLUSIVE)('%s: 100 callers of 20 keys on pools of 5', (strategy) => {
    it.each([1, 2])(
      'in %i processes: all get their lock, one at a time, on no more connections',
      async (processes) => {
        const pools = Array.from({ length: processes }, () => on().pool(5));
        const services = await Promise.all(
          pools.map(({ pool }) => on().service({ strategy, pool }, { waitTimeout: '60s' })),
        );
        const inside = new Set<string>();
        let most = 0;
        const work = async (i: number): Promise<bigint> =>
          services[i % processes]!.run(`k${i % 20}`, async (lock) => {
            const key = `k${i % 20}`;
            expect(inside.has(key)).toBe(false);
            inside.add(key);
            most = Math.max(most, ...pools.map((pool) => pool.total - pool.idle));
            await new Promise((resolve) => setTimeout(resolve, 5));
            inside.delete(key);
            return lock.fencingToken;
          });
        const tokens = await Promise.all(Array.from({ length: 100 }, (_, i) => work(i)));
        expect(new Set(tokens.map((token, i) => `${i % 20} ${token}`)).size).toBe(100);
        // Half of five; a lease has none of its own, and its statements may use what there is.
        expect(most).toBeLessThanOrEqual(strategy === 'transaction' ? 3 : 5);
      },
      90_000,
    );
  });

  it('transaction: other work has connections, however many wait for locks', async () => {
    const pool = on().pool(5);
    const [holder, locks] = [
      await on().service({ strategy: 'transaction' }),
      await on().service({ strategy: 'transaction', pool: pool.pool, maxConnections: 3 }),
    ];
    const held = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((key) => holder.acquire(key)));
    const waiting = ['a', 'b', 'c', 'd', 'e', 'a', 'b'].map((key) => locks.run(key, () => key));
    await on().waiting(3);
    const connection = await pool.connect();
    expect(await connection.query('SELECT 1 AS one')).toMatchObject([{ one: 1 }]);
    connection.release();
    await Promise.all(held.map((lock) => lock.release()));
    expect(await Promise.all(waiting)).toEqual(['a', 'b', 'c', 'd', 'e', 'a', 'b']);
  });

  it('transaction: who gets no connection is told so, since nobody knows whether the lock is held', async () => {
    const locks = await on().service({ strategy: 'transaction', maxConnections: 1, commandTimeout: 3_000 });
    const lock = await locks.acquire('a');
    await expect(locks.acquire('b')).rejects.toThrow(/All 1 connections for locks have been in use for 3000 ms/);
    await expect(locks.tryAcquire('b')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    await lock.release();
    expect(await locks.run('b', () => 'done')).toBe('done');
  });

  it('transaction: of those who wait for a connection only the first is refused, for whom the others may wait', async () => {
    const locks = await on().service({ strategy: 'transaction', maxConnections: 1, commandTimeout: 3_000 });
    const lock = await locks.acquire('a');
    const [first, second] = [locks.run('b', () => 'first'), locks.run('c', () => 'second')];
    second.catch(() => undefined);
    await expect(first).rejects.toThrow(/All 1 connections for locks have been in use/);
    await lock.release();
    expect(await second).toBe('second');
  });

  it('transaction: nobody is refused because the process was blocked', async () => {
    const commandTimeout = 2_000;
    const locks = await on().service({ strategy: 'transaction', maxConnections: 1, commandTimeout });
    const lock = await locks.acquire('a');
    const waiting = locks.run('b', () => 'done');
    await new Promise(setImmediate);
    const released = lock.release();
    for (const end = performance.now() + 1.5 * commandTimeout; performance.now() < end;);
    await released;
    expect(await waiting).toBe('done');
  });

  it('transaction: a claim that is too late when it is told to wait does not wait in the database', async () => {
    const strategy = 'transaction';
    const [holder, locks] = [await on().service({ strategy }), await on().service({ strategy, maxConnections: 1 })];
    const [held, other] = [await holder.acquire('k'), await locks.acquire('other')];
    const late = locks.acquire('k', { waitTimeout: 50 });
    setTimeout(() => void other.release(), 200); // until then it has no connection, so that nobody tells it to wait
    await expect(late).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await on().ids(database.waiting)).toEqual([]);
    expect(await locks.run('another', () => 'done')).toBe('done'); // on the only connection
    const next = locks.run('k', () => 'done');
    await on().waiting();
    await held.release();
    expect(await next).toBe('done');
  });

  it('transaction: one connection for a key, however many wait for it in this process', async () => {
    const locks = await on().service({ strategy: 'transaction' });
    const release = await locks.acquire('k').then((lock) => () => lock.release());
    const waiting = Array.from({ length: 10 }, () => locks.run('k', () => 'done'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await on().ids(...database.transactions)).toHaveLength(1);
    await release();
    expect(await Promise.all(waiting)).toEqual(Array<string>(10).fill('done'));
  });
});

describe.each(DATABASES)('$name', (database) => {
  describe.each(['repeatable read', 'serializable'])('with the default isolation %s', (level) => {
    const on = useDatabase(database);
    beforeAll(() => on().query(...database.isolation(level)));

    it.each(STRATEGIES)(
      '%s: 10 who increment a number one after the other lose none',
      async (strategy) => {
        const pool = on().pool(12);
        await until('the new isolation', async () => {
          const fresh = await pool.connect();
          const settings = await fresh.query(database.settings);
          fresh.release();
          return settings.some(({ value }) => String(value).toLowerCase().replace('-', ' ') === level);
        });
        await on().query("INSERT INTO counters VALUES ('c', 0)");
        const services = await Promise.all(
          [1, 2].map(() => on().service({ strategy, ...(strategy === 'optimistic' && { attempts: 1_000 }) })),
        );
        const increment = (i: number): Promise<void> =>
          services[i % 2]!.run('c', async (lock) => {
            // With a lease the work has connections of its own.
            const say = (sql: string) => (strategy === 'lease' ? on().query(sql) : database.through(lock, sql));
            const [row] = await say('SELECT number FROM counters');
            await say(`UPDATE counters SET number = ${Number(row!['number']) + 1}`);
          });
        await Promise.all(Array.from({ length: 10 }, (_, i) => increment(i)));
        expect(await on().query('SELECT number FROM counters')).toMatchObject([{ number: 10 }]);
      },
      60_000,
    );
  });
});
