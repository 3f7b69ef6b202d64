import { until } from '../servers/until';
import { DATABASES } from './databases';
import { STRATEGIES, timed, TRANSACTIONAL, TTL, useDatabase, waited } from './support';

/** The database may take long to come back on a slow machine. */
const PATIENT = { commandTimeout: '20s' } as const;

describe.each(DATABASES)('$name', (database) => {
  const on = useDatabase(database);

  describe.each(['SIGKILL', 'orderly'] as const)('starts again after an end by %s', (how) => {
    it.each(TRANSACTIONAL)('%s: the holder is told, what it wrote is not there', async (strategy) => {
      const locks = await on().service({ strategy, ...PATIENT });
      const run = locks.run('k', async (lock) => {
        await on().write(lock, 'lost');
        await on().restart(how);
        await until('the news', () => lock.signal.aborted, 10_000); // of its ttl of 30 s
      });
      await expect(run).rejects.toMatchObject({ name: 'LockLostError', reason: 'session' });
      expect(await on().written()).toEqual([]);
      await locks.run('k', (lock) => on().write(lock, 'next'));
      expect(await on().written()).toEqual(['next']);
    });

    it('transaction: the waiter has the lock, with a greater token', async () => {
      const [holder, waiter] = [
        await on().service({ strategy: 'transaction', ...PATIENT }),
        await on().service({ strategy: 'transaction', ...PATIENT }),
      ];
      const lock = await holder.acquire('k');
      const waiting = waiter.acquire('k');
      await on().waiting();
      await on().restart(how);
      const next = await waiting;
      expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
      await until('the news', () => lock.signal.aborted);
      await Promise.all([lock.release(), next.release()]);
    });

    it('lease: kept, and then given to the waiter, with a greater token', async () => {
      const [holder, waiter] = [await on().service(PATIENT), await on().service(PATIENT)];
      const lock = await holder.acquire('k');
      const waiting = waiter.acquire('k');
      await waited('k');
      await on().restart(how);
      expect(lock.held).toBe(true);
      expect(await (await on().service()).tryAcquire('k')).toBeNull();
      await lock.release();
      expect(await timed(() => waiting)).toBeLessThan(8_000); // of its ttl of 30 s
      const next = await waiting;
      expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
      await next.release();
    });
  });

  it('lease: lost if the database is away for longer than its ttl, and no later than another has it', async () => {
    const [holder, other] = [await on().service({}, { ttl: 3 * TTL }), await on().service({}, { ttl: 3 * TTL })];
    const lock = await holder.acquire('k');
    await on().server.kill();
    await until('the loss', () => lock.signal.aborted);
    expect(lock.signal.reason).toMatchObject({ name: 'LockLostError', reason: 'expired', cause: expect.any(Error) });
    await on().server.start();
    const next = await until('a lock', () => other.acquire('k'));
    expect(lock.held).toBe(false);
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    await Promise.all([lock.release(), next.release()]);
  });

  it.each(STRATEGIES)(
    '%s: while it is away that is said, and afterwards the backend works by itself',
    async (strategy) => {
      const locks = await on().service({ strategy });
      await locks.run('k', () => undefined);
      await on().server.kill();
      const failing = locks.run('k', () => undefined);
      await expect(failing).rejects.toMatchObject({ name: 'LockUnavailableError' });
      if (strategy !== 'optimistic')
        await expect(locks.tryAcquire('k')).rejects.toMatchObject({ name: 'LockUnavailableError' });
      await on().server.start();
      await locks.run('k', () => undefined);
    },
  );

  it('transaction: tokens drawn right before a crash are not drawn again', async () => {
    let newest = 0n;
    for (let i = 0; i < 3; i++) {
      const locks = await on().service({ strategy: 'transaction', ...PATIENT });
      const drawn = await Promise.all(['a', 'b', 'c'].map((key) => locks.acquire(key)));
      for (const { fencingToken } of drawn) expect(fencingToken).toBeGreaterThan(newest);
      newest = drawn.map(({ fencingToken }) => fencingToken).reduce((a, b) => (a > b ? a : b));
      await on().restart('SIGKILL');
      await Promise.all(drawn.map((lock) => lock.release()));
    }
  });
});
