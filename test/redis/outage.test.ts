import { LockLostError, LockUnavailableError } from '../../lib/core/errors';
import { until } from '../servers/until';
import { clientOf, proxyOf, queued, serviceOn, timed, useRedis, workerOn } from './support';

const redis = useRedis();

describe('Redis is down', () => {
  /** How a service reaches Redis: by a client of its own, or by one passed in. */
  const ways = [
    { client: 'ours', offlineQueue: true },
    { client: 'ours', offlineQueue: false },
    { client: 'passed in', offlineQueue: true },
    { client: 'passed in', offlineQueue: false },
  ];

  it.each(ways)(
    'is said so in time, and over when it is back: client $client, offline queue $offlineQueue',
    async (way) => {
      const proxy = await proxyOf(redis.server);
      const options = { enableOfflineQueue: way.offlineQueue, retryStrategy: () => 50 };
      const passed = way.client === 'ours' ? undefined : clientOf(proxy.url, options);
      const locks = await serviceOn({
        ...(passed ? { client: passed } : { url: proxy.url, options }),
        commandTimeout: '1s',
      });
      await locks.run('before', () => undefined);
      const writes: unknown[] = [];
      passed?.on('error', (error) => writes.push(error));

      proxy.cut();
      for (let i = 0; i < 2; i++) {
        const took = await timed(async () => {
          const calls = [locks.acquire('k'), locks.tryAcquire('k'), locks.acquire('k', { waitTimeout: 0 })];
          for (const call of calls) call.catch(() => undefined);
          for (const call of calls) await expect(call).rejects.toThrow(LockUnavailableError);
        });
        expect(took).toBeGreaterThan(700);
        expect(took).toBeLessThan(10_000);
      }
      if (passed) expect((passed as unknown as { offlineQueue: { length: number } }).offlineQueue.length).toBe(0);

      await proxy.restore();
      await until('locks again', () => locks.run('k', () => true));
    },
  );

  it('is told apart from a lock that is held, within 2 s unless another time is set', async () => {
    const proxy = await proxyOf(redis.server);
    const locks = await serviceOn({ url: proxy.url, commandTimeout: '2s' });
    proxy.cut();
    const took = await timed(() => expect(locks.tryAcquire('k')).rejects.toThrow(LockUnavailableError));
    expect(took).toBeGreaterThan(1_700);
    expect(took).toBeLessThan(6_000);
  });

  it('before the application starts: it starts, warns, and works as soon as it can', async () => {
    const proxy = await proxyOf(redis.server);
    proxy.cut();
    const warn = jest.fn();
    const locks = await serviceOn({ url: proxy.url, commandTimeout: '1s' }, { warn });
    expect(warn).toHaveBeenCalledWith(expect.stringMatching(/not available yet.*ECONNREFUSED/));
    await expect(locks.tryAcquire('k')).rejects.toThrow(/ECONNREFUSED/);
    await proxy.restore();
    await until('locks', () => locks.run('k', () => true));
  });

  it('for a moment: whoever asks meanwhile has the lock as soon as it is back', async () => {
    const proxy = await proxyOf(redis.server);
    const locks = await serviceOn({ url: proxy.url, commandTimeout: '20s' });
    proxy.cut();
    await until('the loss of the connection', () => proxy.connections === 0);
    const asking = [locks.acquire('a'), locks.acquire('b', { mode: 'shared' })];
    await proxy.restore();
    const took = await timed(async () => {
      for (const lock of await Promise.all(asking)) await lock.release();
    });
    expect(took).toBeLessThan(10_000);
  });

  it('is the cause of the loss of a lock that it ends', async () => {
    const proxy = await proxyOf(redis.server);
    const locks = await serviceOn({ url: proxy.url, commandTimeout: '300ms' }, { ttl: 6_000 });
    const lock = await locks.acquire('k');
    proxy.cut();
    await until('the loss', () => lock.signal.aborted);
    expect(lock.signal.reason).toMatchObject({ name: 'LockLostError', reason: 'expired' });
    const { cause } = lock.signal.reason as LockLostError;
    expect(cause).toBeInstanceOf(LockUnavailableError);
    expect((cause as Error).message).toContain('ECONNREFUSED');
    await proxy.restore();
  });

  it('ends the wait of those who wait, and what is left of their claims', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const [holder, waiter] = [
      await serviceOn(server.url, { ttl: 60_000 }),
      await serviceOn({ url: proxy.url, commandTimeout: '1s' }),
    ];
    const lock = await holder.acquire('k');
    const waiting = waiter.acquire('k');
    waiting.catch(() => undefined);
    await queued(server, 'k');
    proxy.cut();
    await expect(waiting).rejects.toThrow(LockUnavailableError);
    await proxy.restore();
    await queued(server, 'k', 0);
    await lock.release();
  });
});

describe('Redis is paused', () => {
  it('for less than the ttl: what is held stays so, what was asked for meanwhile is not left behind', async () => {
    const { server } = redis;
    const [one, other] = [
      await serviceOn(server.url, { ttl: 10_000 }),
      await serviceOn({ url: server.url, commandTimeout: '1s' }, { ttl: 60_000 }),
    ];
    const lock = await one.acquire('held');
    server.pause();
    await expect(other.acquire('k')).rejects.toThrow(LockUnavailableError);
    await expect(other.tryAcquire('k')).rejects.toThrow(/did not answer within 1000 ms/);
    server.resume();
    await (await one.acquire('k', { waitTimeout: '20s' })).release();
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it('or slow: a late answer makes no lock last longer than it does', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const locks = await serviceOn(proxy.url, { ttl: 20_000 });
    proxy.delay(200);
    const lock = await locks.acquire('k');
    const left = (await server.command('pttl', '{nestlock:k}')) as number;
    expect(lock.remainingTime()).toBeLessThanOrEqual(left);
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it('for longer than the ttl: a lock is lost when its validity ends, not later, not earlier', async () => {
    const { server } = redis;
    const locks = await serviceOn({ url: server.url, commandTimeout: '1s' });
    const lock = await locks.acquire('k');
    server.pause();
    const left = lock.remainingTime();
    const start = performance.now();
    let heldFor = 0;
    lock.signal.addEventListener('abort', () => (heldFor = performance.now() - start));
    await until('the loss', () => {
      if (lock.held) expect(performance.now() - start).toBeLessThan(left);
      return lock.signal.aborted;
    });
    expect(heldFor).toBeGreaterThan(left - 10);
    expect(lock.signal.reason).toMatchObject({ name: 'LockLostError', reason: 'expired' });
    server.resume();
    await until('a lock', () => locks.run('k', () => true));
    expect(lock.held).toBe(false);
  });

  it('while the application starts with a client that was connected before: it starts, and warns', async () => {
    const { server } = redis;
    const client = clientOf(server.url);
    await client.ping();
    server.pause();
    const warn = jest.fn();
    try {
      await serviceOn({ client, commandTimeout: '1s' }, { warn });
      expect(warn).toHaveBeenCalledWith(expect.stringContaining('not available yet'));
    } finally {
      server.resume();
    }
  });
});

it('Redis starts again, empty: holders are told, waiters get their locks, tokens go on', async () => {
  const { server } = redis;
  const backend = { url: server.url, commandTimeout: '20s' };
  const [one, other] = [await serviceOn(backend), await serviceOn(backend)];
  const worker = await workerOn(backend);
  const locks = [await one.acquire('a'), await one.acquire('b', { mode: 'shared' })];
  const elsewhere = await worker.ask('acquire', 'c', {});
  const waiting = ['a', 'b', 'c'].map((key) => other.acquire(key));
  await queued(server, 'c');
  await server.restartEmpty();
  const next = await Promise.all(waiting);
  for (const lock of locks) {
    await until('the news', () => lock.signal.aborted);
    expect(lock.held).toBe(false);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
  }
  await until('the news', async () => (await worker.ask('find', 'c')).aborted);
  const tokens = [...locks.map((lock) => lock.fencingToken), BigInt(elsewhere)];
  next.forEach((lock, i) => expect(lock.fencingToken).toBeGreaterThan(tokens[i]!));
  for (const lock of next) await lock.release();
});
