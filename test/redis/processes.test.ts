import type { Redis } from 'ioredis';
import { Pulse } from '../../lib/backends/redis/pulse';
import { systemClock } from '../../lib/core/clock';
import { until } from '../servers/until';
import { clientOf, queued, serviceOn, timed, told, TTL, useRedis, workerOn } from './support';

const redis = useRedis();

describe('a process that is killed', () => {
  it('is succeeded when the ttl of its lock has run out', async () => {
    const { server } = redis;
    const [holder, next] = [await workerOn(server.url), await serviceOn(server.url)];
    const token = await holder.ask('acquire', 'k', {});
    const waiting = next.acquire('k');
    await queued(server, 'k');
    await holder.kill();
    const left = (await server.command('pttl', '{nestlock:k}')) as number;
    const took = await timed(async () => {
      const lock = await waiting;
      expect(lock.fencingToken).toBeGreaterThan(BigInt(token));
      await lock.release();
    });
    expect(took).toBeLessThan(Math.max(left, 0) + 10_000);
  });

  it('is passed over while it waits, also by those who do not wait', async () => {
    const { server } = redis;
    const waiters = [await workerOn(server.url), await workerOn(server.url)];
    const [one, other] = [await serviceOn(server.url), await serviceOn(server.url)];
    const lock = await one.acquire('k', { ttl: 60_000 });
    for (const [i, waiter] of waiters.entries()) {
      void waiter.ask('acquire', 'k', { ttl: 60_000 });
      await queued(server, 'k', i + 1);
    }
    const third = other.acquire('k', { ttl: 60_000 });
    await queued(server, 'k', 3);
    for (const waiter of waiters) await waiter.kill();
    const took = await timed(async () => {
      await lock.release();
      await (await third).release();
    });
    expect(took).toBeLessThan(20_000); // their places end after a minute
    await queued(server, 'k', 2);
    // They keep their places, so somebody who only tries must get by.
    const again = await until('a try that succeeds', () => one.tryAcquire('k'), 20_000);
    await again.release();
    await server.command('del', '{nestlock:k}:queue', '{nestlock:k}:claims');
  });

  it('leaves its lock to those who only try, though all who waited have died with it', async () => {
    const { server } = redis;
    const workers = [await workerOn(server.url), await workerOn(server.url), await workerOn(server.url)];
    const locks = await serviceOn(server.url);
    await workers[0]!.ask('acquire', 'k', {});
    for (const worker of workers.slice(1)) void worker.ask('acquire', 'k', {});
    await queued(server, 'k', 2);
    for (const worker of workers) await worker.kill();
    const took = await timed(async () => {
      await (await until('a try that succeeds', () => locks.tryAcquire('k'))).release();
    });
    expect(took).toBeLessThan(TTL + 10_000);
  });
});

describe('a process that is stopped', () => {
  it('finds its lock lost at its first step, and its late write is refused', async () => {
    const { server } = redis;
    const [holder, next] = [await workerOn(server.url), await serviceOn(server.url, { ttl: 20_000 })];
    const token = BigInt(await holder.ask('acquire', 'k', {}));
    const firstStep = holder.ask('stall', 'k', TTL / 2);
    await holder.ask('find', 'k'); // it has begun
    holder.signal('SIGSTOP');
    let written = token;
    const write = (with_: bigint): boolean => with_ >= written && ((written = with_), true);
    const lock = await next.acquire('k');
    expect(write(lock.fencingToken)).toBe(true);
    holder.signal('SIGCONT');
    expect(await firstStep).toMatchObject({ held: false, remaining: 0, error: 'LockLostError' });
    expect(write(token)).toBe(false);
    expect(await holder.ask('find', 'k')).toMatchObject({ held: false, aborted: true });
    await holder.ask('release', 'k');
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it('is passed over while it waits, and works again when it goes on', async () => {
    const { server } = redis;
    const [holder, next, stopped] = [
      await serviceOn(server.url, { ttl: 60_000 }),
      await serviceOn(server.url, { ttl: 60_000 }),
      await workerOn(server.url, { ttl: 60_000, waitTimeout: '60s' }),
    ];
    const lock = await holder.acquire('k');
    const late = stopped.ask('acquire', 'k', {});
    await queued(server, 'k', 1);
    const behind = next.acquire('k');
    await queued(server, 'k', 2);
    stopped.signal('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 1_200)); // until it counts as silent
    const took = await timed(async () => {
      await lock.release();
      await (await behind).release();
    });
    expect(took).toBeLessThan(15_000); // of its ttl of a minute
    stopped.signal('SIGCONT');
    await late;
    expect(await stopped.ask('find', 'k')).toMatchObject({ held: true });
    await stopped.ask('release', 'k');
  });

  it('holds up the others for no longer than its ttl when it has just asked', async () => {
    const { server } = redis;
    const [holder, stopped] = [await serviceOn(server.url), await workerOn(server.url)];
    const lock = await holder.acquire('k', { ttl: 60_000 });
    const late = stopped.ask('acquire', 'k', {});
    await queued(server, 'k');
    stopped.signal('SIGSTOP');
    await lock.release();
    const took = await timed(async () => (await holder.acquire('k')).release());
    expect(took).toBeLessThan(TTL + 10_000);
    stopped.signal('SIGCONT');
    await late;
    await stopped.ask('release', 'k');
  });
});

it('a process whose event loop was blocked beyond the ttl knows at once that its lock is lost', async () => {
  const { server } = redis;
  const locks = await serviceOn(server.url, { ttl: 1_500 });
  const lock = await locks.acquire('k');
  const end = performance.now() + 1_800;
  let heldWhile = true;
  while (performance.now() < end) heldWhile = lock.held;
  expect(heldWhile).toBe(false);
  expect(lock.held).toBe(false);
  expect(lock.remainingTime()).toBe(0);
  expect(lock.signal.aborted).toBe(true);
  expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ reason: 'expired' }));
  await lock.release();
});

it('an event loop that was blocked beyond the time-out does not make Redis unavailable', async () => {
  const { server } = redis;
  const locks = await serviceOn({ url: server.url, commandTimeout: 1_500 }, { ttl: 20_000 });
  const waiting = locks.acquire('k');
  await new Promise(setImmediate);
  const end = performance.now() + 3_000;
  while (performance.now() < end);
  await (await waiting).release();
});

describe('an event loop that is blocked while an answer is on its way', () => {
  const TIMEOUT = 500;

  /** Blocks it as soon as the client has sent this command, once. */
  function blockAfter(client: Redis, command: 'info' | 'publish'): void {
    const send = client[command].bind(client) as (...args: unknown[]) => Promise<never>;
    let hasBlocked = false;
    client[command] = (...args: unknown[]) => {
      if (!hasBlocked) process.nextTick(block);
      hasBlocked = true;
      return send(...args);
    };
  }

  function block(): void {
    for (const end = performance.now() + 2 * TIMEOUT; performance.now() < end;);
  }

  it('at boot, is no reason to warn', async () => {
    const client = clientOf(redis.server.url);
    await client.ping();
    blockAfter(client, 'info');
    const warn = jest.fn();
    await serviceOn({ client, commandTimeout: TIMEOUT }, { warn });
    expect(warn).not.toHaveBeenCalled();
  });

  it('does not make a subscription count as deaf', async () => {
    const { server } = redis;
    const emitWarning = jest.spyOn(process, 'emitWarning').mockReturnValue();
    const client = clientOf(server.url);
    const [holder, waiter] = [
      await serviceOn(server.url, { ttl: 60_000 }),
      await serviceOn({ client, commandTimeout: TIMEOUT }, { ttl: 60_000 }),
    ];
    const lock = await holder.acquire('k');
    blockAfter(client, 'publish');
    const waiting = waiter.acquire('k');
    await told(server, 'k');
    await lock.release();
    await (await waiting).release();
    expect(emitWarning).not.toHaveBeenCalled();
    emitWarning.mockRestore();
  });

  it('does not make a connection count as dead', async () => {
    const client = clientOf(redis.server.url);
    const connection = await client.client('ID');
    blockAfter(client, 'info');
    new Pulse(client, systemClock, TIMEOUT).feel();
    await new Promise(setImmediate); // blocked
    await new Promise((resolve) => setTimeout(resolve, TIMEOUT));
    expect(await client.client('ID')).toBe(connection);
  });
});
