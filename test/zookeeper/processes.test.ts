import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../servers/until';
import { expectNoOverlap, lined, serviceOn, SESSION, stamp, timed, useZooKeeper, workerOn } from './support';

const zookeeper = useZooKeeper();

describe('a process that is killed', () => {
  it.each(['exclusive', 'shared'] as const)('is succeeded when its session has ended: %s', async (mode) => {
    const { connectString } = zookeeper.server;
    const [holder, next] = [await workerOn(connectString), await serviceOn(connectString)];
    const token = BigInt(await holder.ask('acquire', 'k', { mode }));
    const waiting = next.acquire('k');
    await lined(zookeeper.server, 'k', 2);
    await holder.kill();
    const took = await timed(async () => {
      const lock = await waiting;
      expect(lock.fencingToken).toBeGreaterThan(token);
      await lock.release();
    });
    expect(took).toBeLessThan(SESSION + 10_000);
  });

  it('is passed over while it waits, when its session has ended', async () => {
    const { server } = zookeeper;
    const waiters = [await workerOn(server.connectString), await workerOn(server.connectString)];
    const [one, other] = [await serviceOn(server.connectString), await serviceOn(server.connectString)];
    const lock = await one.acquire('k');
    for (const [i, waiter] of waiters.entries()) {
      void waiter.ask('acquire', 'k', {});
      await lined(server, 'k', i + 2);
    }
    const third = other.acquire('k');
    await lined(server, 'k', 4);
    for (const waiter of waiters) await waiter.kill();
    const took = await timed(async () => {
      await lock.release();
      await (await third).release();
    });
    expect(took).toBeLessThan(SESSION + 10_000);
    await lined(server, 'k', 0);
  });
});

describe('a process that is stopped for longer than its session', () => {
  it('has promised nothing that another got meanwhile, finds the lock lost at its first step, and works again', async () => {
    const { connectString } = zookeeper.server;
    const [holder, next] = [await workerOn(connectString), await workerOn(connectString)];
    const token = BigInt(await holder.ask('acquire', 'k', {}));
    const observed = holder.ask('observed', 'k');
    const firstStep = holder.ask('stall', 'k', SESSION / 2);
    await holder.ask('find', 'k'); // it has begun
    holder.signal('SIGSTOP');
    const nextToken = BigInt(await next.ask('acquire', 'k', {}));
    expect(nextToken).toBeGreaterThan(token);
    holder.signal('SIGCONT');
    expect(await firstStep).toMatchObject({ held: false, remaining: 0, error: 'LockLostError' });
    expect(await holder.ask('find', 'k')).toMatchObject({ held: false, aborted: true });
    const before = await observed;

    await holder.ask('release', 'k'); // of what it has no more
    expect(await next.ask('find', 'k')).toMatchObject({ held: true });
    const again = holder.ask('acquire', 'k', {});
    await lined(zookeeper.server, 'k', 2);
    await next.ask('release', 'k');
    expect(BigInt(await again)).toBeGreaterThan(nextToken);
    await holder.ask('release', 'k');
    const { since } = await next.ask('observed', 'k');
    expectNoOverlap({ ...before, abortedAt: before.heldAt }, since); // it could not be told while it was stopped
  });

  it('while it waits: is passed over, and waits again behind the others', async () => {
    const { server } = zookeeper;
    const stopped = await workerOn(server.connectString);
    const [holder, next] = [await serviceOn(server.connectString), await serviceOn(server.connectString)];
    const lock = await holder.acquire('k');
    const late = stopped.ask('acquire', 'k', {});
    await lined(server, 'k', 2);
    const behind = next.acquire('k');
    await lined(server, 'k', 3);
    stopped.signal('SIGSTOP');
    await lock.release();
    const second = await behind;
    stopped.signal('SIGCONT');
    await lined(server, 'k', 2);
    await sleep(300);
    expect(second.held).toBe(true);
    await second.release();
    expect(BigInt(await late)).toBeGreaterThan(second.fencingToken);
    expect(await stopped.ask('find', 'k')).toMatchObject({ held: true });
    await stopped.ask('release', 'k');
  });

  it('when it is its turn: does not take the lock that it was given and lost without knowing', async () => {
    const { server } = zookeeper;
    const stopped = await workerOn(server.connectString);
    const holder = await serviceOn(server.connectString);
    const lock = await holder.acquire('k');
    const late = stopped.ask('acquire', 'k', {});
    await lined(server, 'k', 2);
    stopped.signal('SIGSTOP');
    await lock.release(); // now its node is the first one
    const next = await holder.acquire('k');
    stopped.signal('SIGCONT');
    await lined(server, 'k', 2);
    const released = stamp();
    await next.release();
    expect(BigInt(await late)).toBeGreaterThan(next.fencingToken);
    await stopped.ask('release', 'k');
    expect(BigInt((await stopped.ask('observed', 'k')).since)).toBeGreaterThan(BigInt(released));
  });
});

describe('a process whose event loop is blocked', () => {
  it('for longer than the session: knows at once that its lock is lost, and works again', async () => {
    const { connectString } = zookeeper.server;
    const [holder, next] = [await workerOn(connectString), await workerOn(connectString)];
    await holder.ask('acquire', 'k', {});
    await holder.ask('acquire', 'j', {}); // which nobody else wants
    const observed = holder.ask('observed', 'k');
    const waiting = next.ask('acquire', 'k', {});
    await lined(zookeeper.server, 'k', 2);
    const lost = { held: false, remaining: 0, error: 'LockLostError', aborted: true };
    expect(await holder.ask('block', 'k', SESSION + 1_000)).toEqual(lost);
    expect(await holder.ask('find', 'j')).toEqual(lost);
    await waiting;
    const before = await observed;
    await next.ask('release', 'k');
    const { since } = await next.ask('observed', 'k');
    expectNoOverlap({ ...before, abortedAt: before.heldAt }, since);
    for (const key of ['k', 'j']) await holder.ask('release', key);
    await until('locks again', () => holder.ask('acquire', 'k', {}));
    await holder.ask('release', 'k');
  });

  it('for less: keeps its lock, and is not told that ZooKeeper is unavailable', async () => {
    const sessionTimeout = 12_000;
    const options = { connect: zookeeper.server.connectString, sessionTimeout, commandTimeout: 1_500 };
    const worker = await workerOn(options, { ttl: sessionTimeout });
    const token = BigInt(await worker.ask('acquire', 'k', {}));
    const asked = worker.ask('acquire', 'j', {});
    const state = await worker.ask('block', 'k', 3_000);
    expect(state).toMatchObject({ held: true, aborted: false });
    expect(BigInt(await asked)).toBeGreaterThan(token);
    await sleep(sessionTimeout);
    expect(await worker.ask('find', 'k')).toMatchObject({ held: true });
    for (const key of ['k', 'j']) await worker.ask('release', key);
  });
});
