import { setTimeout as sleep } from 'node:timers/promises';
import { LockUnavailableError } from '../../lib/core/errors';
import { subscribers, type Connection } from '../servers/proxy';
import type { RedisServer } from '../servers/redis';
import { until } from '../servers/until';
import { clientOf, others, proxyOf, queued, serviceOn, silence, timed, told, TTL, useRedis } from './support';

const redis = useRedis();

/** The one channel that somebody listens on, as soon as that has been proven. */
async function listening(server: RedisServer, count = 1): Promise<void> {
  await until(`${count} subscriptions`, async () => {
    return ((await server.command('pubsub', 'channels', 'nestlock:wake:*')) as string[]).length === count;
  });
  await told(server, 'k');
}

describe('the answer to a claim is lost', () => {
  const faults = [
    { how: 'the connection is cut', end: 'cut' },
    { how: 'replies come again, later', end: 'restore' },
  ] as const;

  it.each(faults)('the lock is free soon after $how', async ({ end }) => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const [unlucky, next] = [
      await serviceOn({ url: proxy.url, commandTimeout: '1s' }, { ttl: '1h' }),
      await serviceOn(server.url),
    ];
    await unlucky.run('before', () => undefined);
    if (end === 'cut') proxy.drop('replies');
    else proxy.hold('replies');
    await expect(unlucky.acquire('k')).rejects.toThrow(LockUnavailableError);
    expect(await server.command('exists', '{nestlock:k}')).toBe(1);
    if (end === 'cut') proxy.cut();
    await proxy.restore();
    const lock = await next.acquire('k', { waitTimeout: '20s' });
    await lock.release();
  });

  it('the lock is free soon after a release whose request was lost', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const warn = jest.fn();
    const [unlucky, next] = [
      await serviceOn({ url: proxy.url, commandTimeout: '1s' }, { ttl: '1h', warn }),
      await serviceOn(server.url),
    ];
    const lock = await unlucky.acquire('k');
    proxy.cut();
    await until('the loss of the connection', () => proxy.connections === 0);
    await lock.release();
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('could not be released'));
    await proxy.restore();
    await (await next.acquire('k', { waitTimeout: '20s' })).release();
  });

  it('a waiter that leaves before it could ask again leaves nothing in the queue', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const client = clientOf(proxy.url, { retryStrategy: () => 500 });
    const [holder, waiter] = [await serviceOn(server.url, { ttl: '60s' }), await serviceOn(client, { ttl: '1h' })];
    const lock = await holder.acquire('k');
    const leaving = new AbortController();
    const waiting = waiter.acquire('k', { signal: leaving.signal });
    waiting.catch(() => undefined);
    await listening(server);
    proxy.cut(others);
    await until('the loss of the connection', () => client.status === 'reconnecting');
    proxy.cut(); // the other, too; it asks again, as soon as there is a connection
    leaving.abort();
    await expect(waiting).rejects.toBe(leaving.signal.reason);
    await proxy.restore();
    await queued(server, 'k', 0);
    await lock.release();
    await holder.run('k', () => undefined, { waitTimeout: '20s' });
  });
});

describe('messages are lost', () => {
  it('a waiter whose connection for messages is cut gets its turn promptly', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const [holder, waiter] = [await serviceOn(server.url, { ttl: '60s' }), await serviceOn(proxy.url, { ttl: '60s' })];
    const lock = await holder.acquire('k');
    const waiting = waiter.acquire('k');
    await listening(server);
    proxy.drop('requests', subscribers); // no new one either
    proxy.cut(subscribers);
    await until('the end of the subscription', async () => {
      return ((await server.command('pubsub', 'channels', 'nestlock:wake:*')) as string[]).length === 0;
    });
    await lock.release();
    const took = await timed(async () => (await waiting).release());
    expect(took).toBeLessThan(12_000); // a third of its ttl is 20 s
    await proxy.restore();
  });

  it('a connection for messages that has died without a word is replaced', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const [holder, waiter] = [await serviceOn(server.url, { ttl: '60s' }), await serviceOn(proxy.url, { ttl: '60s' })];
    const lock = await holder.acquire('k');
    const waiting = waiter.acquire('k');
    await listening(server);
    const dead = new Set<Connection>();
    proxy.cut((each) => subscribers(each) && !dead.add(each)); // cuts none
    proxy.drop('both', (each) => dead.has(each));
    const [channel] = (await server.command('pubsub', 'channels', 'nestlock:wake:*')) as string[];
    await until('a subscription besides the dead one', async () => {
      return ((await server.command('pubsub', 'numsub', channel!)) as [string, number])[1] === 2;
    });
    await lock.release();
    const took = await timed(async () => (await waiting).release());
    expect(took).toBeLessThan(12_000);
    await proxy.restore();
  });

  it('a connection for messages that has died while nobody waited is not relied on', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const [holder, waiter] = [
      await serviceOn(server.url, { ttl: '60s' }),
      await serviceOn({ url: proxy.url, commandTimeout: '15s' }, { ttl: '60s' }), // by when it would be found out
    ];
    let lock = await holder.acquire('k');
    let waiting = waiter.acquire('k');
    await listening(server);
    await lock.release();
    await (await waiting).release();
    await sleep(6_000); // longer than until somebody looks once more
    silence(proxy, subscribers);

    lock = await holder.acquire('k');
    waiting = waiter.acquire('k');
    await queued(server, 'k');
    await lock.release();
    const took = await timed(async () => (await waiting).release());
    expect(took).toBeLessThan(6_000);
    await proxy.restore();
  });

  it('a connection for messages that dies while it is made is replaced', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const [holder, waiter] = [await serviceOn(server.url, { ttl: '60s' }), await serviceOn(proxy.url, { ttl: '60s' })];
    const lock = await holder.acquire('k');
    silence(proxy, () => false, 1);
    const waiting = waiter.acquire('k');
    await listening(server);
    await lock.release();
    await (await waiting).release();
  });

  it('a waiter that misses its message looks by itself', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const [holder, waiter] = [await serviceOn(server.url, { ttl: '60s' }), await serviceOn(proxy.url)];
    const lock = await holder.acquire('k');
    const waiting = waiter.acquire('k');
    await listening(server);
    proxy.dropNext('replies', subscribers);
    await lock.release();
    expect(proxy.dropped).toBeLessThanOrEqual(1);
    const took = await timed(async () => (await waiting).release());
    expect(proxy.dropped).toBe(1);
    expect(took).toBeLessThan(TTL + 10_000);
  });

  it('a message that comes before the answer to the claim is not lost', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const [holder, waiter] = [await serviceOn(server.url, { ttl: '60s' }), await serviceOn(proxy.url, { ttl: '60s' })];
    const [lock, busy] = [await holder.acquire('k'), await holder.acquire('busy')];
    const patient = waiter.acquire('busy'); // who keeps the subscription going
    await told(server, 'busy');
    proxy.hold('replies', others);
    const waiting = waiter.acquire('k');
    await queued(server, 'k');
    const [id] = (await server.command('zrange', '{nestlock:k}:queue', '0', '-1')) as string[];
    await lock.release();
    await until('the grant', async () => (await server.command('get', '{nestlock:k}')) === id);
    await sleep(300); // on its way
    await proxy.restore();
    const took = await timed(async () => (await waiting).release());
    expect(took).toBeLessThan(12_000); // a third of the ttl is 20 s
    await busy.release();
    await (await patient).release();
  });

  it('waiters of a process that has gone deaf for good go on, in order', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const [holder, deaf] = [
      await serviceOn(server.url, { ttl: '60s' }),
      await serviceOn({ url: proxy.url, commandTimeout: '1s' }),
    ];
    let lock = await holder.acquire('k');
    const served: number[] = [];
    const waiting = [1, 2, 3].map((i) => deaf.run('k', () => served.push(i)));
    await listening(server);
    proxy.drop('replies', subscribers);
    await lock.release();
    await Promise.all(waiting);
    expect(served).toEqual([1, 2, 3]);

    lock = await holder.acquire('k');
    const later = deaf.run('k', () => served.push(4));
    await queued(server, 'k');
    await lock.release();
    await later;
    expect(served).toEqual([1, 2, 3, 4]);
  });

  it('nothing piles up in the client while only the connection for messages works', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const client = clientOf(proxy.url, { retryStrategy: () => 60_000 });
    const [holder, waiter] = [
      await serviceOn(server.url, { ttl: '60s' }),
      await serviceOn({ client, commandTimeout: '1s' }),
    ];
    const lock = await holder.acquire('k');
    const waiting = waiter.acquire('k');
    waiting.catch(() => undefined);
    await listening(server);
    proxy.cut(others);
    await until('the loss of the connection', () => client.status === 'reconnecting');
    proxy.cut(subscribers); // which comes back, and would be proven by means of the client
    await expect(waiting).rejects.toThrow(LockUnavailableError);
    const { offlineQueue } = client as unknown as { offlineQueue: { length: number } };
    expect(offlineQueue.length).toBe(0);
    await lock.release();
  });
});
