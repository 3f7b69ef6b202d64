import { redisBackend } from 'nestlock/redis';
import { LockLostError, LockService, LockUnavailableError } from 'nestlock';
import type { RedisServer } from '../servers/redis';
import { startRedis } from '../servers/redis';
import { until } from '../servers/until';
import { bootWith } from './refusals';

let primary: RedisServer;
let replicas: RedisServer[];

beforeAll(async () => {
  primary = await startRedis();
  const conf = [`replicaof ${primary.host} ${primary.port}`];
  replicas = await Promise.all([startRedis({ conf }), startRedis({ conf })]);
  await primary.command('set', 'news', 1);
  await until('two replicas that have the news, and have said so', async () => {
    const info = (await primary.command('info', 'replication')) as string;
    const written = Number(/^master_repl_offset:(\d+)/m.exec(info)![1]);
    const said = [...info.matchAll(/state=online,offset=(\d+)/g)];
    return said.length === 2 && said.every(([, offset]) => Number(offset) >= written);
  });
  await primary.command('del', 'news');
});
afterEach(() => primary.command('config', 'set', 'maxmemory-policy', 'noeviction'));
afterAll(() => Promise.all([primary, ...replicas].map((each) => each?.stop())));

describe('eviction', () => {
  test.each(['allkeys-lru', 'allkeys-random', 'volatile-lru', 'volatile-ttl'])('%s: the boot warns', async (policy) => {
    await primary.command('config', 'set', 'maxmemory-policy', policy);
    expect(await bootWith(primary.url)).toEqual([
      `Redis may evict locks when its memory is full: "maxmemory-policy" is ${policy}. Set it to noeviction.`,
    ]);
  });

  test('noeviction: no word', async () => {
    expect(await bootWith(primary.url)).toEqual([]);
  });
});

describe('replicas', () => {
  const services: LockService[] = [];
  const serviceWith = (atLeast: number, timeout = 4_000): LockService => {
    const backend = redisBackend({ url: primary.url, commandTimeout: '10s', replicas: { atLeast, timeout } });
    const service = new LockService({ backend, ttl: '6s', waitTimeout: '25s', shutdownTimeout: 0 });
    services.push(service);
    return service;
  };

  afterEach(async () => {
    for (const replica of replicas) replica.resume();
    await Promise.all(services.splice(0).map((service) => service.close()));
    await until('nothing left', async () => {
      const keys = (await primary.command('keys', '*')) as string[];
      return keys.every((key) => key.endsWith(':fence'));
    });
  });

  test('as many as there are: no word, and locks are granted, handed on and renewed', async () => {
    expect(await bootWith({ url: primary.url, replicas: { atLeast: 2 } })).toEqual([]);
    const [a, b] = [serviceWith(2), serviceWith(2)];
    const first = await a.acquire('k');
    const waiting = b.acquire('k');
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // renewed meanwhile
    expect(first.held).toBe(true);
    await first.release();
    const second = await waiting;
    expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
    await second.release();
  });

  test('what comes up in one turn waits for them once', async () => {
    const service = serviceWith(2);
    await service.open();
    const waits = async (): Promise<number> =>
      Number(/cmdstat_wait:calls=(\d+)/.exec((await primary.command('info', 'commandstats')) as string)?.[1] ?? 0);
    const before = await waits();
    const locks = await Promise.all(Array.from({ length: 120 }, (_, i) => service.acquire(`k${i}`)));
    expect((await waits()) - before).toBe(1);
    await Promise.all(locks.map((lock) => lock.release()));
  });

  test('more than there are: the boot warns, and locks are unavailable', async () => {
    const [warning, ...others] = await bootWith({ url: primary.url, replicas: { atLeast: 3, timeout: 300 } });
    expect(others).toEqual([]);
    expect(warning).toMatch(/^"replicas" wants 3 to confirm each lock, and only 2 are connected: .* or lower /);
    const promise = serviceWith(3, 300).acquire('k');
    await expect(promise).rejects.toThrow(LockUnavailableError);
    await expect(promise).rejects.toThrow('replicas confirmed the lock within 300 ms');
    // Nothing is left of it: others need not wait for its ttl.
    const lock = await serviceWith(2).acquire('k', { waitTimeout: 4_000 });
    await lock.release();
  });

  test('a replica that stops: no grant to a waiter, renewals do not count', async () => {
    const [a, b] = [serviceWith(2), serviceWith(2)];
    const held = await a.acquire('k');
    const waiting = b.acquire('k').catch((error: unknown) => error);
    await until('one who waits', async () => (await primary.command('zcard', '{nestlock:k}:queue')) === 1);
    replicas[0]!.pause();
    await until('a lock that is known to be lost', () => held.signal.aborted);
    expect(held.signal.reason).toBeInstanceOf(LockLostError);
    await held.release();
    const outcome = await waiting;
    expect(outcome).toBeInstanceOf(LockUnavailableError);
    expect((outcome as Error).message).toContain('Only 1 of 2 replicas confirmed the lock');
  });
});
