import { setTimeout as sleep } from 'node:timers/promises';
import { LockLostError, LockUnavailableError } from '../../lib/core/errors';
import type { Lock } from '../../lib/core/lock';
import type { Connection } from '../servers/proxy';
import { until } from '../servers/until';
import { lined, nodesOn, proxyOf, serviceOn, SESSION, sessionsOn, timed, useZooKeeper, workerOn } from './support';

const zookeeper = useZooKeeper();
const commandTimeout = '1s';

/** When it last said that it was held, and when it was lost, in ms from now. */
async function lossOf(lock: Lock): Promise<{ readonly last: number; readonly took: number }> {
  const start = performance.now();
  let last = 0;
  await until('the loss', () => {
    if (lock.held) last = performance.now() - start;
    return lock.signal.aborted;
  });
  return { last, took: performance.now() - start };
}

describe('ZooKeeper is down', () => {
  it('for longer than the session: what was held is lost in time, who waits is told so, all works again after it', async () => {
    const { server } = zookeeper;
    const connect = server.connectString;
    const [one, other] = [await serviceOn({ connect, commandTimeout }), await serviceOn({ connect, commandTimeout })];
    const worker = await workerOn({ connect, commandTimeout });
    const lock = await one.acquire('k');
    const elsewhere = BigInt(await worker.ask('acquire', 'j', {}));
    const waiting = [other.acquire('k'), other.acquire('j')];
    const refused = waiting.map((each) => expect(each).rejects.toThrow(LockUnavailableError));
    await lined(server, 'j', 2);
    await lined(server, 'k', 2);

    await server.kill();
    const left = lock.remainingTime();
    const { last } = await lossOf(lock);
    expect(last).toBeLessThan(left + (2 * SESSION) / 3); // an answer may have been on its way
    expect(lock.held).toBe(false);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
    await until('the loss of the other one', async () => (await worker.ask('find', 'j')).aborted);
    await Promise.all(refused);
    const refusal = await timed(() => expect(other.acquire('k')).rejects.toThrow(LockUnavailableError));
    expect(refusal).toBeLessThan(10_000);
    await sleep(SESSION);

    await server.start();
    await lock.release();
    await worker.ask('release', 'j');
    const next = await until('locks again', () => other.acquire('k'));
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    await next.release();
    await other.run('j', ({ fencingToken }) => expect(fencingToken).toBeGreaterThan(elsewhere));
    const again = await until('locks again', () => worker.ask('acquire', 'j', {}));
    expect(BigInt(again)).toBeGreaterThan(elsewhere);
    await worker.ask('release', 'j');
  }, 60_000);

  it('for a moment: the session goes on, and with it the lock and the line', async () => {
    const { server } = zookeeper;
    const options = { connect: server.connectString, sessionTimeout: 30_000, commandTimeout: '20s' };
    const [one, other] = [await serviceOn(options, { ttl: 30_000 }), await serviceOn(options, { ttl: 30_000 })];
    const lock = await one.acquire('k');
    const waiting = other.acquire('k');
    const nodes = await lined(server, 'k', 2);
    const sessions = await sessionsOn(server);
    await server.kill();
    const asked = other.acquire('new');
    await server.start();
    await (await asked).release();
    expect((await sessionsOn(server)).sort()).toEqual(sessions.sort());
    expect(await nodesOn(server, 'k')).toEqual(nodes);
    expect(lock.held).toBe(true);
    await lock.release();
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    await next.release();
  }, 60_000);

  it('before the application starts: it starts, warns, and works as soon as it can', async () => {
    const { server } = zookeeper;
    await server.kill();
    const warn = jest.fn();
    const locks = await serviceOn({ connect: server.connectString, commandTimeout }, { warn });
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('not available yet'));
    await expect(locks.tryAcquire('k')).rejects.toThrow(LockUnavailableError);
    await server.start();
    await until('locks', () => locks.run('k', () => true));
  }, 60_000);
});

describe('ZooKeeper is paused', () => {
  it('for longer than the session: a lock is lost when its validity ends, not later, not earlier', async () => {
    const { server } = zookeeper;
    const locks = await serviceOn({ connect: server.connectString, commandTimeout });
    const lock = await locks.acquire('k');
    server.pause();
    try {
      const left = lock.remainingTime();
      const { last, took } = await lossOf(lock);
      expect(last).toBeLessThan(left + (2 * SESSION) / 3); // an answer may have been on its way
      expect(took).toBeGreaterThan(left - 10);
      await expect(locks.tryAcquire('j')).rejects.toThrow(LockUnavailableError);
    } finally {
      server.resume();
    }
    await lock.release();
    await until('locks again', () => locks.run('k', () => true));
  }, 60_000);
});

it('a connection that has died without a word is replaced in time to keep the lock', async () => {
  const { server } = zookeeper;
  const proxy = await proxyOf(server);
  const [sessionTimeout, ttl] = [20_000, 20_000];
  const locks = await serviceOn({ connect: proxy.connectString, sessionTimeout, commandTimeout: '20s' }, { ttl });
  const lock = await locks.acquire('k');
  const sessions = await sessionsOn(server);
  const dead = new Set<Connection>();
  proxy.cut((each) => !dead.add(each)); // cuts none
  proxy.drop('both', (each) => dead.has(each));
  await locks.run('j', () => undefined);
  expect(await sessionsOn(server)).toEqual(sessions);
  expect(lock.held).toBe(true);
  await sleep(sessionTimeout / 2);
  expect(lock.held).toBe(true);
  await lock.release();
}, 60_000);
