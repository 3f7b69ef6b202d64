import { setTimeout as sleep } from 'node:timers/promises';
import { LockUnavailableError } from '../../lib/core/errors';
import type { LockService } from '../../lib/core/lock-service';
import { until } from '../servers/until';
import { lined, nodesOn, proxyOf, serviceOn, useZooKeeper } from './support';

const zookeeper = useZooKeeper();

type Proxy = Awaited<ReturnType<typeof proxyOf>>;

/** One whose connection can be broken, and one whose connection is well. */
async function two({ commandTimeout = '20s', sessionTimeout = 6_000 } = {}): Promise<{
  proxy: Proxy;
  unlucky: LockService;
  next: LockService;
  warn: jest.Mock;
}> {
  const { server } = zookeeper;
  const proxy = await proxyOf(server);
  const warn = jest.fn();
  const unlucky = await serviceOn(
    { connect: proxy.connectString, sessionTimeout, commandTimeout },
    { ttl: sessionTimeout, warn },
  );
  const next = await serviceOn({ connect: server.connectString, sessionTimeout }, { ttl: sessionTimeout });
  await unlucky.run('k', () => undefined); // so that the lock's node is there
  return { proxy, unlucky, next, warn };
}

async function breakOff(proxy: Proxy): Promise<void> {
  proxy.cut();
  await proxy.restore();
}

describe('the answer to the creation of a node is lost', () => {
  it.each(['exclusive', 'shared'] as const)('the claim is granted once, by one node: %s', async (mode) => {
    const { server } = zookeeper;
    const { proxy, unlucky, next } = await two();
    proxy.drop('replies');
    const asked = unlucky.acquire('k', { mode });
    const nodes = await lined(server, 'k', 1);
    await breakOff(proxy);
    const lock = await asked;
    await sleep(300);
    expect(await nodesOn(server, 'k')).toEqual(nodes);
    const waiting = next.acquire('k');
    await lined(server, 'k', 2);
    expect(lock.held).toBe(true);
    await lock.release();
    const other = await waiting;
    expect(other.fencingToken).toBeGreaterThan(lock.fencingToken);
    await other.release();
  });

  it('the claim keeps the place in the line that it got', async () => {
    const { server } = zookeeper;
    const { proxy, unlucky, next } = await two();
    const lock = await next.acquire('k');
    proxy.drop('replies');
    const second = unlucky.acquire('k');
    const nodes = await lined(server, 'k', 2);
    const third = next.acquire('k');
    const all = await lined(server, 'k', 3);
    await breakOff(proxy);
    await sleep(300);
    expect(await nodesOn(server, 'k')).toEqual(all);
    expect(all.slice(0, 2)).toEqual(nodes);
    await lock.release();
    await (await second).release();
    await (await third).release();
  });

  it('again and again: still one node, and one grant', async () => {
    const { server } = zookeeper;
    const { proxy, unlucky, next } = await two();
    proxy.drop('replies');
    const asked = unlucky.acquire('k');
    const nodes = await lined(server, 'k', 1);
    for (let i = 0; i < 5; i++) {
      proxy.cut();
      proxy.drop('replies');
      await proxy.restore();
      await sleep(50 * i); // somewhere on the way to the answer
    }
    const lock = await asked;
    expect(await nodesOn(server, 'k')).toEqual(nodes);
    expect(lock.held).toBe(true);
    await lock.release();
    await (await next.acquire('k')).release();
  });

  it('a claim that has been given up leaves nothing behind', async () => {
    const { server } = zookeeper;
    const { proxy, unlucky, next } = await two({ commandTimeout: '2s', sessionTimeout: 15_000 });
    proxy.drop('replies');
    await expect(unlucky.acquire('k')).rejects.toThrow(LockUnavailableError);
    await lined(server, 'k', 1);
    await breakOff(proxy);
    await lined(server, 'k', 0);
    await (await next.acquire('k', { waitTimeout: 0 })).release();
  });

  it('a claim that was not to wait leaves nothing behind either', async () => {
    const { server } = zookeeper;
    const { proxy, unlucky, next } = await two();
    const lock = await next.acquire('k');
    proxy.drop('replies');
    const tried = unlucky.tryAcquire('k');
    await lined(server, 'k', 2);
    await breakOff(proxy);
    expect(await tried).toBeNull();
    await lined(server, 'k', 1);
    await lock.release();
  });
});

describe('a release meets a broken connection', () => {
  it.each(['answer', 'request'])('the %s is lost: the lock is free, and does not count as lost', async (what) => {
    const { server } = zookeeper;
    const { proxy, unlucky, next, warn } = await two();
    let begun = false;
    const done = unlucky.run('k', async () => {
      proxy.drop(what === 'answer' ? 'replies' : 'requests');
      begun = true;
      return 'done';
    });
    await until('the body', () => begun);
    if (what === 'answer') await lined(server, 'k', 0);
    else await until('a request', () => proxy.dropped > 0);
    await breakOff(proxy);
    await (await next.acquire('k', { waitTimeout: '5s' })).release();
    expect(await done).toBe('done');
    expect(warn).not.toHaveBeenCalled();
  });

  it('nobody waits for an answer for ever, and the lock is freed later on', async () => {
    const { server } = zookeeper;
    const { proxy, unlucky, next } = await two({ commandTimeout: '2s', sessionTimeout: 15_000 });
    const lock = await unlucky.acquire('k');
    proxy.drop('requests');
    await lock.release();
    await lined(server, 'k', 1);
    const waiting = next.acquire('k');
    await breakOff(proxy);
    await (await waiting).release();
  });
});
