import { until } from '../servers/until';
import { queued, serviceOn, timed, TTL, useRedis, workerOn } from './support';

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
    expect(took).toBeLessThan(left + 1_000);
  });

  it('is passed over while it waits, also by those who do not wait', async () => {
    const { server } = redis;
    const waiters = [await workerOn(server.url), await workerOn(server.url)];
    const [one, other] = [await serviceOn(server.url), await serviceOn(server.url)];
    const lock = await one.acquire('k');
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
    expect(took).toBeLessThan(8_000); // their places end after a minute
    await queued(server, 'k', 2);
    // They keep their places, so somebody who only tries must get by.
    const again = await until('a try that succeeds', () => one.tryAcquire('k'), 8_000);
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
    expect(took).toBeLessThan(TTL + 3_000);
  });
});

describe('a process that is stopped', () => {
  it('finds its lock lost at its first step, and its late write is refused', async () => {
    const { server } = redis;
    const [holder, next] = [await workerOn(server.url), await serviceOn(server.url)];
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
      await serviceOn(server.url),
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
    expect(took).toBeLessThan(10_000); // of its ttl of a minute
    stopped.signal('SIGCONT');
    await late;
    expect(await stopped.ask('find', 'k')).toMatchObject({ held: true });
    await stopped.ask('release', 'k');
  });

  it('holds up the others for no longer than its ttl when it has just asked', async () => {
    const { server } = redis;
    const [holder, stopped] = [await serviceOn(server.url), await workerOn(server.url)];
    const lock = await holder.acquire('k');
    const late = stopped.ask('acquire', 'k', {});
    await queued(server, 'k');
    stopped.signal('SIGSTOP');
    await lock.release();
    const took = await timed(async () => (await holder.acquire('k')).release());
    expect(took).toBeLessThan(TTL + 2_000);
    stopped.signal('SIGCONT');
    await late;
    await stopped.ask('release', 'k');
  });
});

it('a process whose event loop was blocked beyond the ttl knows at once that its lock is lost', async () => {
  const { server } = redis;
  const locks = await serviceOn(server.url, { ttl: 500 });
  const lock = await locks.acquire('k');
  const end = performance.now() + 800;
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
  const locks = await serviceOn({ url: server.url, commandTimeout: 300 });
  const waiting = locks.acquire('k');
  await new Promise(setImmediate);
  const end = performance.now() + 600;
  while (performance.now() < end);
  await (await waiting).release();
});
