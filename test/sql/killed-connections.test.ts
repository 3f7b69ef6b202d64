import { until } from '../servers/until';
import { DATABASES } from './databases';
import { STRATEGIES, TRANSACTIONAL, TTL, useDatabase, waited } from './support';

describe.each(DATABASES)('$name', (database) => {
  const on = useDatabase(database);

  it('transaction: the connection of a holder is killed: the next need not wait for the end of the work', async () => {
    const locks = await on().service({ strategy: 'transaction', maxConnections: 1 });
    let finish!: () => void;
    const run = locks.run('k', async (lock) => {
      await on().kill(await on().connectionOf(lock));
      await new Promise<void>((resolve) => (finish = resolve));
    });
    await until('the work', () => finish !== undefined);
    const next = await locks.run('k', () => 'next', { waitTimeout: 20_000 }).catch((error: unknown) => error);
    finish();
    await expect(run).rejects.toMatchObject({ name: 'LockLostError', reason: 'session' });
    expect(next).toBe('next');
  });

  describe.each(TRANSACTIONAL)('%s: the connection of a holder is killed', (strategy) => {
    it('it is told at once, what it wrote is not there, and the next one has the lock', async () => {
      const locks = await on().service({ strategy });
      const run = locks.run('k', async (lock) => {
        await on().write(lock, 'lost');
        await on().kill(await on().connectionOf(lock));
        await until('the news', () => lock.signal.aborted, 10_000); // of its ttl of 30 s
        expect(lock.held).toBe(false);
        await expect(on().write(lock, 'late')).rejects.toMatchObject({ name: 'LockLostError' });
      });
      await expect(run).rejects.toMatchObject({ name: 'LockLostError', reason: 'session' });
      await locks.run('k', (lock) => on().write(lock, 'next'), { waitTimeout: '10s' });
      expect(await on().written()).toEqual(['next']);
    });

    it('in the middle of a statement whose error is swallowed: run rejects all the same', async () => {
      const locks = await on().service({ strategy });
      let said: unknown;
      const run = locks.run('k', async (lock) => {
        await on().write(lock, 'lost');
        const id = await on().connectionOf(lock);
        const sleeping = database.through(lock, database.sleep(60)).catch((error: unknown) => (said = error));
        await on().kill(id);
        await sleeping;
      });
      // The other if the end of the connection has not been heard of when it is to commit.
      await expect(run).rejects.toMatchObject({ name: expect.stringMatching(/^Lock(Lost|Transaction)Error$/) });
      expect(said).toBeInstanceOf(Error);
      await locks.run('k', () => undefined, { waitTimeout: '10s' });
      expect(await on().written()).toEqual([]);
    });
  });

  describe('transaction: the connection of a waiter is killed', () => {
    it('it gets back in line, as often as it takes, and gets the lock', async () => {
      const [holder, waiter] = [
        await on().service({ strategy: 'transaction' }),
        await on().service({ strategy: 'transaction' }),
      ];
      const lock = await holder.acquire('k');
      const waiting = waiter.run('k', (next) => next.fencingToken);
      const killed: unknown[] = [];
      for (let i = 0; i < 3; i++) {
        const id = await until('somebody who waits', async () => {
          const [other] = await on().ids(database.waiting);
          return !killed.includes(other) && other;
        });
        killed.push(id);
        await on().kill(id);
      }
      await on().waiting();
      expect(lock.held).toBe(true);
      await lock.release();
      expect(await waiting).toBeGreaterThan(lock.fencingToken);
    });

    it('and the holder with it: the waiter has the lock', async () => {
      const [holder, waiter] = [
        await on().service({ strategy: 'transaction' }),
        await on().service({ strategy: 'transaction' }),
      ];
      const lock = await holder.acquire('k');
      const its = await on().ids(...database.transactions);
      const waiting = waiter.acquire('k');
      await on().kill(...(await on().waiting()), ...its);
      const next = await waiting;
      await until('the news', () => lock.signal.aborted);
      expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
      expect(next.held).toBe(true);
      await Promise.all([lock.release(), next.release()]);
    });
  });

  it.each(STRATEGIES)('%s: a connection is killed in the moment in which it is made', async (strategy) => {
    const proxy = await on().proxy();
    const locks = await on().service({ strategy, url: proxy.url });
    await on().kill(...(await on().ids(database.sessions)));
    await until('the end of its connections', () => proxy.connections === 0);
    // What follows the password, so that "welcome" and "goodbye" arrive in one piece.
    proxy.hold('replies', ({ sent }) => /,p=|mysql_native_password/.test(sent));
    const unlucky = locks.run('k', () => 'lucky');
    unlucky.catch(() => undefined);
    const [made] = await until('a connection', async () => {
      const ids = await on().ids(database.sessions);
      return ids.length > 0 && ids;
    });
    await on().kill(made);
    await until('its end', async () => !(await on().ids(database.sessions)).includes(made));
    await proxy.restore();
    await expect(unlucky).rejects.toMatchObject({ name: 'LockUnavailableError' });
    expect(await locks.run('k', () => 'works')).toBe('works');
  });

  it('lease: the connections of the pool are killed, and the holder keeps its lock', async () => {
    const pool = on().pool(5);
    const [holder, waiter] = [await on().service({ pool: pool.pool }, { ttl: TTL * 5 }), await on().service()];
    const lock = await holder.acquire('k');
    const waiting = waiter.acquire('k');
    await waited('k');
    const end = performance.now() + TTL * 7.5;
    while (performance.now() < end) {
      await on().kill(...(await on().ids(database.sessions)));
      expect(lock.held).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, TTL));
    }
    expect(lock.signal.aborted).toBe(false);
    await until('a release', () => lock.release().then(() => true));
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    await next.release();
  });
});
