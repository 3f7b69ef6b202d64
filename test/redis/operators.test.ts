import { setTimeout as sleep } from 'node:timers/promises';
import { keysOf } from '../../lib/backends/redis/keys';
import { LockLostError, LockTimeoutError, LockUnavailableError } from '../../lib/core/errors';
import type { LockMode } from '../../lib/core/backend';
import { until } from '../servers/until';
import { keysIn, proxyOf, queued, serviceOn, timed, useRedis } from './support';

const redis = useRedis();
const name = (key: string) => `{nestlock:${key}}`;

describe('what operators see', () => {
  const label = 'nightly report \n\ud83d № 7';

  it.each(['exclusive', 'shared'] as const)('the labels of who holds a lock and of who waits: %s', async (mode) => {
    const { server } = redis;
    const ttl = 9_000;
    const [one, other] = [await serviceOn(server.url, { ttl }), await serviceOn(server.url, { ttl: 60_000 })];
    const lock = await one.acquire('k', { label, mode });
    const holders =
      mode === 'shared' ? server.command('zrange', `${name('k')}:shared`, 0, -1) : server.command('get', name('k'));
    expect(String(await holders)).toMatch(/^[-0-9a-f]{36}:nightly_report____№_7$/);
    const waiting = other.acquire('k', { label });
    await queued(server, 'k');
    const waiters = (await server.command('zrange', `${name('k')}:queue`, 0, -1)) as string[];
    expect(waiters[0]).toMatch(/:nightly_report____№_7$/);
    await sleep(ttl / 2); // it is renewed
    await lock.release();
    const took = await timed(async () => {
      const next = await waiting; // a message has come
      await next.release();
    });
    expect(took).toBeLessThan(4_000);
  });

  it('the label is no hindrance to whoever gives up', async () => {
    const { server } = redis;
    const [one, other] = [await serviceOn(server.url), await serviceOn(server.url, { ttl: 60_000 })];
    const lock = await one.acquire('k', { label });
    await expect(other.acquire('k', { label, waitTimeout: 200 })).rejects.toThrow(LockTimeoutError);
    await queued(server, 'k', 0);
    await lock.release();
  });
});

describe('what operators do', () => {
  it('flushes the scripts in the middle of the load', async () => {
    const { server } = redis;
    const locks = await serviceOn(server.url, { ttl: 60_000 });
    let isOver = false;
    const flushing = (async () => {
      while (!isOver) await server.command('script', 'flush');
    })();
    let sum = 0;
    const add = async (): Promise<void> => {
      const before = sum;
      await new Promise(setImmediate);
      sum = before + 1;
    };
    try {
      await Promise.all(Array.from({ length: 300 }, () => locks.run('sum', add)));
    } finally {
      isOver = true;
      await flushing;
    }
    expect(sum).toBe(300);
  });

  it.each(['exclusive', 'shared'] as const)('flushes everything: %s', async (mode) => {
    const { server } = redis;
    const [one, other] = [await serviceOn(server.url), await serviceOn(server.url, { ttl: 60_000 })];
    const lock = await one.acquire('flushed', { mode });
    const waiting = other.acquire('flushed');
    await queued(server, 'flushed');
    await server.command('flushall');
    await until('the news', () => lock.signal.aborted);
    expect(lock.held).toBe(false);
    expect(() => lock.assertHeld()).toThrow(LockLostError);
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    await lock.release();
    expect(next.held).toBe(true);
    await next.release();
  });

  it('deletes the key of a lock that is held', async () => {
    const { server } = redis;
    const locks = await serviceOn(server.url, { ttl: 6_000 });
    const run = locks.run('deleted', async (lock) => {
      await server.command('del', name('deleted'));
      await new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
      return 'done';
    });
    await expect(run).rejects.toMatchObject({ name: 'LockLostError', reason: 'stolen', result: 'done' });
    await locks.run('deleted', () => undefined);
  });

  it('hears of a lock that was deleted before its release', async () => {
    const { server } = redis;
    const locks = await serviceOn(server.url);
    const run = locks.run('deleted', () => server.command('del', name('deleted')));
    await expect(run).rejects.toMatchObject({ name: 'LockLostError', reason: 'stolen', result: 1 });
  });
});

describe('something else in the place of a key', () => {
  const claims: readonly { mode: LockMode; permits?: number }[] = [
    { mode: 'exclusive' },
    { mode: 'shared' },
    { mode: 'shared', permits: 2 },
  ];
  const parts = ['lock', 'shared', 'permits', 'queue', 'claims', 'fence'];

  it.each(parts)(
    '%s: its lock is unavailable, those asked for with it are not, and nothing stays behind',
    async (part) => {
      const { server } = redis;
      const locks = await serviceOn(server.url, { waitTimeout: 100 });
      const key = keysOf('nestlock:k')[parts.indexOf(part)]!;
      await server.command('flushall');
      await server.command('rpush', key, 'x');
      let refused = 0;
      for (const terms of claims) {
        const names = ['a', 'k', 'b'];
        const settled = await Promise.allSettled(names.map((each) => locks.acquire(each, terms)));
        const [a, k, b] = settled.map(({ status }) => status);
        expect([a, b]).toEqual(['fulfilled', 'fulfilled']);
        if (k === 'rejected') {
          refused++;
          const { reason } = settled[1] as PromiseRejectedResult;
          expect(reason).toBeInstanceOf(LockUnavailableError);
          expect((reason as Error).message).toMatch(/WRONGTYPE.*delete it, or choose another "prefix"/);
        }
        for (const each of settled) if (each.status === 'fulfilled') await each.value.release();
      }
      expect(refused).toBeGreaterThan(0);

      await until('nothing but what was there', async () => (await keysIn(server)).every((each) => each === key));
      await server.command('del', key);
      for (const terms of claims) await locks.run('k', () => undefined, terms);
    },
  );

  it.each(claims)('tokens that are none are replaced: $mode', async (terms) => {
    const { server } = redis;
    const locks = await serviceOn(server.url);
    await server.command('set', keysOf('nestlock:k')[5]!, 'text');
    const tokens = await Promise.all(
      ['a', 'k', 'b'].map((key) => locks.run(key, async (lock) => lock.fencingToken, terms)),
    );
    expect(Math.min(...tokens.map(Number))).toBeGreaterThan(1e15);
  });

  it.each([
    ['permits', claims[2]!],
    ['claims', claims[0]!],
    ['fence', claims[0]!],
  ])('%s: nothing half-taken is left by a process that dies then', async (part, terms) => {
    const { server } = redis;
    const holder = await serviceOn(server.url, { ttl: 60_000 });
    const lock = part === 'claims' ? await holder.acquire('k') : undefined;
    const foreign = keysOf('nestlock:k')[parts.indexOf(part)]!;
    await server.command('del', foreign);
    await server.command('rpush', foreign, 'x');
    const proxy = await proxyOf(server);
    const locks = await serviceOn(proxy.url);
    const refused = locks.acquire('k', terms);
    refused.catch(() => proxy.drop('requests')); // so that it cannot tidy up
    await expect(refused).rejects.toThrow(LockUnavailableError);
    const [key, shared, ...rest] = keysOf('nestlock:k');
    expect(await server.command('exists', key!)).toBe(lock ? 1 : 0);
    expect(await server.command('exists', shared!)).toBe(0);
    // Whatever is left of the queue ends by itself.
    const left = rest.filter((each) => each !== foreign);
    expect(await Promise.all(left.map((each) => server.command('pttl', each)))).not.toContain(-1);
    await server.command('del', foreign);
    await proxy.restore();
    await lock?.release();
  });
});

it('frees locks while Redis is out of memory and refuses others', async () => {
  const { server } = redis;
  const warn = jest.fn();
  const locks = await serviceOn(server.url, { warn, ttl: 60_000 });
  const held = await Promise.all(['a', 'b', 'c'].map((key) => locks.acquire(key)));
  await server.command('config', 'set', 'maxmemory', 1);
  try {
    await expect(locks.acquire('new')).rejects.toThrow(/OOM.*raise "maxmemory"/);
    await Promise.all(held.map((lock) => lock.release()));
    expect(await keysIn(server)).toEqual([]);
    expect(warn).not.toHaveBeenCalled();
  } finally {
    await server.command('config', 'set', 'maxmemory', 0);
  }
});
