import { Redis } from 'ioredis';
import { redisBackend } from '../../lib/backends/redis';
import { keysOf } from '../../lib/backends/redis/keys';
import type { Claim, LockBackend } from '../../lib/core/backend';
import type { RedisServer } from '../servers/redis';
import { startRedis } from '../servers/redis';
import { until } from '../servers/until';

let server: RedisServer;
let holders = 0;

beforeAll(async () => {
  server = await startRedis();
});
afterEach(() => server.command('flushall'));
afterAll(() => server.stop());

function claimOf(details: Partial<Claim> = {}): Claim {
  const holder = `holder-${holders++}`;
  const { signal } = new AbortController();
  const rest = { mode: 'exclusive', permits: 1, ttl: 60_000, fences: 1, wait: true } as const;
  return { key: 'k', holder, ...rest, signal, contended: () => undefined, ...details };
}

async function opened<T extends LockBackend>(backend: T, use: (backend: T) => Promise<void>): Promise<void> {
  await backend.open!();
  try {
    await use(backend);
  } finally {
    await backend.close!();
  }
}

/** Waiters of processes that are gone, but whose connections are still open: they are heard of no more. */
async function deadWaiters(count: number): Promise<Redis> {
  const [, , , queue, claims] = keysOf('k');
  const [seconds] = (await server.command('time')) as [string];
  const asked = (Number(seconds) - 5) * 1_000;
  const listener = new Redis(server.url);
  await listener.subscribe('nestlock:wake:dead');
  for (let i = 0; i < count; i++) {
    await server.command('zadd', queue!, i + 1, `dead-${i}`);
    await server.command('hset', claims!, `dead-${i}`, `x 0 60000 1 ${asked} 0 1 nestlock:wake:dead`);
  }
  return listener;
}

it('several dead waiters in a row cost a trial each, not a third of a ttl', async () => {
  await opened(redisBackend(server.url), async (backend) => {
    const held = (await backend.acquire(claimOf()))!;
    const listener = await deadWaiters(2);
    const waiting = backend.acquire(claimOf());
    await until('a waiter with a channel', async () =>
      String(await server.command('hvals', keysOf('k')[4]!)).match(/1 nestlock:wake:(?!dead)/),
    );
    const began = performance.now();
    await held.release({ ok: true });
    const granted = (await waiting)!;
    expect(performance.now() - began).toBeLessThan(15_000); // a third of the ttl is 20 s
    await granted.release({ ok: true });
    listener.disconnect();
  });
}, 90_000);

it('a grant that only a subscriber of a replica has heard of is none', async () => {
  const replica = await startRedis({ conf: [`replicaof ${server.host} ${server.port}`] });
  await until('a replica', async () =>
    String(await replica.command('info', 'replication')).includes('master_link_status:up'),
  );
  const client = new Redis(server.url);
  const onReplica = Object.assign(Object.create(client) as Redis, {
    duplicate: (options: object) => new Redis(replica.url, options),
  });
  await opened(redisBackend(onReplica), async (misled) => {
    await opened(redisBackend(server.url), async (backend) => {
      const held = (await backend.acquire(claimOf()))!;
      const claim = claimOf();
      const waiting = misled.acquire(claim);
      const hasChannel = async (): Promise<boolean> =>
        String(await server.command('hvals', keysOf('k')[4]!)).includes('nestlock:wake');
      await until('a waiter that believes to be told', hasChannel, 1_000).catch(() => undefined); // it better does not
      await held.release({ ok: true });
      const grant = (await waiting)!;
      expect(await server.command('get', keysOf('k')[0]!)).toBe(claim.holder);
      await grant.release({ ok: true });
    });
  });
  client.disconnect();
  await replica.stop();
}, 90_000);

it('a backend that is closed before it was open can be used again', async () => {
  const backend = redisBackend(server.url);
  const first = backend.acquire(claimOf({ key: 'first' })).catch(() => undefined);
  await backend.close!();
  await first;
  const grant = (await backend.acquire(claimOf({ key: 'second' })))!;
  await expect(grant.release({ ok: true })).resolves.toBe('released');
  await backend.close!();
});

it('a lock key without an end, of somebody else, is not asked for again and again', async () => {
  await opened(redisBackend({ url: server.url, commandTimeout: '10s' }), async (backend) => {
    await server.command('set', keysOf('k')[0]!, 'an operator');
    const controller = new AbortController();
    const waiting = backend.acquire(claimOf({ signal: controller.signal })).catch((error: unknown) => error);
    await until('a waiter with a channel', async () =>
      String(await server.command('hvals', keysOf('k')[4]!)).includes('nestlock:wake'),
    );
    await server.command('config', 'resetstat');
    await new Promise((resolve) => setTimeout(resolve, 500));
    const stats = (await server.command('info', 'commandstats')) as string;
    expect(stats).not.toMatch(/cmdstat_evalsha/);
    controller.abort(new Error('enough'));
    await waiting;
  });
});
