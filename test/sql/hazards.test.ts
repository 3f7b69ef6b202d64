import { randomUUID } from 'node:crypto';
import type { Claim } from '../../lib/core/backend';
import { until } from '../servers/until';
import { DATABASES } from './databases';
import { TRANSACTIONAL, TTL, useDatabase, waited } from './support';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.each(DATABASES)('$name', (database) => {
  const on = useDatabase(database);

  it.each(TRANSACTIONAL)('%s: a pool of one connection is enough, also for new keys', async (strategy) => {
    const pool = on().pool(1);
    const locks = on().unopened({ strategy, pool: pool.pool, maxConnections: 1 });
    for (const key of ['new', 'newer']) await locks.run(key, (lock) => on().write(lock, key));
    expect(await on().written()).toEqual(['new', 'newer']);
  });

  it.each(TRANSACTIONAL)('%s: work that goes on after it was given up by maxHold writes nothing', async (strategy) => {
    const pool = on().pool(2);
    const locks = await on().service({ strategy, pool: pool.pool, maxConnections: 1 });
    const running = locks.run(
      'k',
      async (lock) => {
        const client = database.clientOf(lock);
        await on().nobodyIn();
        await client.query("INSERT INTO writes VALUES ('late')").catch(() => undefined);
      },
      { maxHold: 200, ttl: 3_000 },
    );
    await expect(running).rejects.toMatchObject({ code: 'LOCK_LOST', reason: 'maxHold' });
    await locks.run('k', (lock) => on().write(lock, 'next'));
    expect(await on().written()).toEqual(['next']);
  });

  it('lease: one who waits while its pool is busy does not lose the lock to itself', async () => {
    const pool = on().pool(database.name === 'PostgreSQL' ? 3 : 2); // there one connection listens
    const [holder, waiter, third] = [
      await on().service(),
      await on().service({ pool: pool.pool, commandTimeout: 2_000 }),
      await on().service(),
    ];
    const lock = await holder.acquire('k');
    const waiting = waiter.acquire('k');
    waiting.catch(() => undefined);
    await waited('k');
    const busy = [await pool.connect(), await pool.connect()];
    await sleep(3_000); // longer than a statement may take, shorter than what it puts up with
    await lock.release();
    for (const connection of busy) connection.release();
    const next = await waiting.catch(() => undefined);
    const until = performance.now() + 2_000;
    while (next?.held && performance.now() < until) {
      const other = await third.tryAcquire('k');
      expect(other).toBeNull();
      await sleep(50);
    }
    await next?.release();
  });

  it('the application shuts down while its pool is exhausted', async () => {
    const pool = on().pool(2);
    const locks = await on().service({ pool: pool.pool, commandTimeout: 500 });
    const busy = [await pool.connect(), await pool.connect()];
    locks.acquire('k').catch(() => undefined);
    await sleep(100);
    await locks.close();
    for (const connection of busy) connection.release();
  });

  it('lease: a claim that is on its way when the backend is closed leaves nothing', async () => {
    const locks = await on().service();
    await locks.run('k', () => undefined); // there is a row
    const backend = database.backend({ url: on().server.url, commandTimeout: '10s' });
    await backend.open?.();
    const leaving = new AbortController();
    const claim: Claim = {
      key: 'nestlock:k',
      holder: randomUUID(),
      mode: 'exclusive',
      permits: 1,
      ttl: 30_000,
      fences: 1,
      wait: true,
      signal: leaving.signal,
      contended: () => undefined,
    };
    const result = backend.acquire(claim).catch((error: unknown) => error);
    leaving.abort('shut down');
    await backend.close?.();
    expect(await result).toBe('shut down');
    expect(await locks.tryAcquire('k')).not.toBeNull();
  });

  it('transaction: several keys, one of which is lost: nothing is committed', async () => {
    const locks = await on().service({ strategy: 'transaction' });
    const other = await on().service({ strategy: 'transaction' });
    const running = locks.run(['a', 'b'], async (lock) => {
      await on().write(lock, 'word');
      const mine = await on().connectionOf(lock); // of b
      const [lost] = (await on().ids(...database.transactions)).filter((id) => String(id) !== String(mine));
      await on().kill(lost);
      await until('the news', () => lock.signal.aborted);
    });
    await expect(running).rejects.toMatchObject({ code: 'LOCK_LOST' });
    expect(await on().written()).toEqual([]);
    await other.run(['a', 'b'], () => undefined);
  });

  it('transaction: a shutdown that the work outlives gives the connection back when the work has ended', async () => {
    const pool = on().pool(2);
    const locks = await on().service({ strategy: 'transaction', pool: pool.pool }, { shutdownTimeout: 100 });
    let finish!: () => void;
    const running = locks.run('k', async (lock) => {
      await on().write(lock, 'word');
      await new Promise<void>((resolve) => (finish = resolve));
    });
    await until('the work', () => finish !== undefined);
    await locks.close();
    finish();
    await expect(running).rejects.toMatchObject({ code: 'LOCK_LOST', reason: 'shutdown' });
    await until('the pool to have them all', () => pool.total === pool.idle);
    expect(await on().written()).toEqual([]);
  });
});

describe('PostgreSQL', () => {
  const database = DATABASES[0]!;
  const on = useDatabase(database);

  it.each(TRANSACTIONAL)(
    '%s: a statement on the heels of the end that maxHold brings is not carried out',
    async (strategy) => {
      const locks = await on().service({ strategy });
      let isOver = false;
      const running = locks.run(
        'k',
        async (lock) => {
          const client = database.clientOf(lock);
          const query = client.query.bind(client);
          client.query = (sql) => {
            const answer = query(sql);
            if (sql.startsWith('ROLLBACK')) query("INSERT INTO writes VALUES ('late')").catch(() => undefined);
            return answer;
          };
          await until('the loss', () => lock.signal.aborted);
          await sleep(2_500);
          await query('SELECT 1'); // the server's patience with an idle transaction begins anew
          await on().nobodyIn();
          isOver = true;
        },
        { maxHold: 200, ttl: 6_000 },
      );
      await expect(running).rejects.toMatchObject({ code: 'LOCK_LOST', reason: 'maxHold' });
      expect(isOver).toBe(true);
      expect(await on().written()).toEqual([]);
    },
  );
});

describe('MariaDB', () => {
  const database = DATABASES[1]!;
  const on = useDatabase(database);

  it('transaction: after a deadlock whose error was swallowed the lock is known to be lost', async () => {
    await on().query("INSERT INTO counters VALUES ('a', 0), ('b', 0)");
    const locks = await on().service({ strategy: 'transaction' }, { ttl: 4 * TTL });
    const touch = (name: string): string => `UPDATE counters SET number = number + 1 WHERE name = '${name}'`;
    let ready = 0;
    const work = (key: string, own: string, other: string): Promise<boolean> =>
      locks.run(key, async (lock) => {
        await database.through(lock, touch(own));
        ready++;
        await until('both', () => ready === 2);
        let isVictim = false;
        await database.through(lock, touch(other)).catch(() => (isVictim = true));
        if (!isVictim) return true;
        await database.through(lock, 'SELECT * FROM counters'); // begins another transaction
        await until('the news', () => !lock.held, 10_000);
        return false;
      });
    const outcomes = await Promise.allSettled([work('one', 'a', 'b'), work('two', 'b', 'a')]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'LOCK_LOST' } });
  });

  it('transaction: after such a deadlock the lock of another is not taken for ours, while a statement is running', async () => {
    await on().query("INSERT INTO counters VALUES ('a', 0), ('b', 0)");
    const locks = await on().service({ strategy: 'transaction' }, { ttl: 4 * TTL });
    const other = await on().service({ strategy: 'transaction' });
    const touch = (name: string): string => `UPDATE counters SET number = number + 1 WHERE name = '${name}'`;
    let ready = 0;
    const work = (key: string, own: string, theirs: string): Promise<boolean> =>
      locks.run(key, async (lock) => {
        await database.through(lock, touch(own));
        ready++;
        await until('both', () => ready === 2);
        let isVictim = false;
        await database.through(lock, touch(theirs)).catch(() => (isVictim = true));
        if (!isVictim) return true;
        const sleeping = database.through(lock, database.sleep(12)).catch(() => undefined);
        const next = await other.acquire(key);
        await until('the news', () => !lock.held, 8_000);
        await next.release();
        await sleeping;
        return false;
      });
    const outcomes = await Promise.allSettled([work('one', 'a', 'b'), work('two', 'b', 'a')]);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'LOCK_LOST' } });
  });
});
