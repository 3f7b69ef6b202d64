import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { LockUnavailableError } from '../../lib/core/errors';
import { until } from '../servers/until';
import { clientOf, connectionsTo, proxyOf, queued, serviceOn, timed, useRedis } from './support';

const redis = useRedis();

/** How many listen to what. */
function listenersOf(client: Redis): Record<string, number> {
  return Object.fromEntries(client.eventNames().map((event) => [String(event), client.listenerCount(event)]));
}

/** What it can do, of its own and by its class. */
function commandsOf(client: Redis): string[] {
  const names = [client, Redis.prototype].flatMap((each) => Object.getOwnPropertyNames(each));
  return names.filter((name) => typeof client[name as keyof Redis] === 'function').sort();
}

const options: readonly (RedisOptions & { name: string })[] = [
  { name: 'key prefix', keyPrefix: 'app:' },
  { name: 'numbers as strings', stringNumbers: true },
  { name: 'automatic pipelines', enableAutoPipelining: true },
  { name: 'another database', db: 5 },
  { name: 'late connection', lazyConnect: true },
  { name: 'late connection, no offline queue', lazyConnect: true, enableOfflineQueue: false },
  { name: 'no offline queue', enableOfflineQueue: false },
  { name: 'few retries', maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false },
  { name: 'a time-out of its own', commandTimeout: 10_000 },
  {
    name: 'all of it',
    keyPrefix: 'a{b}:',
    stringNumbers: true,
    enableAutoPipelining: true,
    db: 3,
    showFriendlyErrorStack: true,
  },
];

describe('a client that was passed in', () => {
  it.each(options)('works as it is: $name', async ({ name: _, ...rest }) => {
    const { server } = redis;
    const clients = [clientOf(server.url, { ...rest }), clientOf(server.url, { ...rest })];
    const warn = jest.fn();
    const [one, other] = await Promise.all(clients.map((each) => serviceOn(each, { warn, ttl: 60_000 })));
    const lock = await one!.acquire('k', { mode: 'shared', permits: 1 });
    const key = `${rest.keyPrefix ?? ''}{nestlock:k}:shared`;
    const probe = clientOf(server.url, { db: rest.db ?? 0 });
    expect(Number(await probe.exists(key))).toBe(1);
    const waiting = other!.acquire('k');
    await until('the claim', async () => (await probe.zcard(key.replace('shared', 'queue'))) === 1);
    await until('a claim with a channel', async () => {
      return (await probe.hvals(key.replace('shared', 'claims'))).some((claim) => claim.includes('nestlock:wake:'));
    });
    await lock.release();
    const took = await timed(async () => {
      const next = await waiting;
      expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
      await next.release();
    });
    expect(took).toBeLessThan(15_000); // a third of its ttl is 20 s
    await one!.run('free', async () => {
      expect(Number(await clients[0]!.exists('{nestlock:free}'))).toBe(1);
    });
    expect(warn).not.toHaveBeenCalled();
  });

  it('is neither closed nor altered, whatever has happened', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const client = clientOf(proxy.url, { retryStrategy: () => 50 });
    await client.ping();
    const listeners = listenersOf(client);
    const commands = commandsOf(client);

    const [locks, other] = [
      await serviceOn({ client, commandTimeout: '1s' }),
      await serviceOn(server.url, { ttl: 60_000 }),
    ];
    await locks.run('k', async () => {
      await other.acquire('k', { waitTimeout: 100 }).catch(() => undefined);
    });
    const held = await other.acquire('k');
    const waiting = locks.acquire('k');
    waiting.catch(() => undefined);
    await queued(server, 'k');
    proxy.cut();
    await expect(locks.tryAcquire('free')).rejects.toThrow(LockUnavailableError);
    await expect(waiting).rejects.toThrow(LockUnavailableError);
    await proxy.restore();
    await until('locks again', () => locks.run('free', () => true));
    await held.release();
    await locks.close();

    expect(await client.ping()).toBe('PONG');
    expect(listenersOf(client)).toEqual(listeners);
    expect(commandsOf(client)).toEqual(commands);
    await other.close();
    await until('the end of all other connections', async () => (await connectionsTo(server)).length === 1);
  });

  it('is left alone by an answer that comes after the end', async () => {
    const { server } = redis;
    const proxy = await proxyOf(server);
    const client = clientOf(proxy.url);
    const [locks, other] = [await serviceOn(client, { ttl: 8_000 }), await serviceOn(server.url, { ttl: 60_000 })];
    const held = await other.acquire('busy');
    await client.ping();
    const listeners = listenersOf(client);
    proxy.hold('replies');
    const tries = [locks.tryAcquire('busy'), locks.tryAcquire('free')].map((attempt) => attempt.catch(() => undefined));
    await until('the try', () => server.command('exists', '{nestlock:free}'));
    await locks.close();
    await proxy.restore();
    const [busy, free] = await Promise.all(tries);
    expect(busy ?? null).toBeNull();
    await free?.release();
    await held.release();
    await other.close();
    expect(Object.values(listenersOf(client)).reduce((a, b) => a + b)).toBeLessThanOrEqual(
      Object.values(listeners).reduce((a, b) => a + b),
    );
    await until('the end of all other connections', async () => (await connectionsTo(server)).length === 1);
  });

  it('gets a second connection only when somebody waits', async () => {
    const { server } = redis;
    const client = clientOf(server.url);
    const locks = await serviceOn(client);
    await server.command('set', '{nestlock:k}', 'another', 'PX', 20_000);
    expect(await locks.tryAcquire('k')).toBeNull();
    expect(await connectionsTo(server)).toHaveLength(1);
    const waiting = locks.acquire('k');
    await until('another connection', async () => (await connectionsTo(server)).length === 2);
    await server.command('del', '{nestlock:k}');
    await (await waiting).release();
  });

  it('that is closed is unavailable', async () => {
    const client = clientOf(redis.server.url);
    const locks = await serviceOn({ client, commandTimeout: '1s' });
    client.disconnect();
    await expect(locks.tryAcquire('k')).rejects.toThrow(LockUnavailableError);
    await client.connect();
    await locks.run('k', () => undefined);
  });
});
