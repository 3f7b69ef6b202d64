import { setTimeout as sleep } from 'node:timers/promises';
import { Requests } from '../../lib/backends/zookeeper/requests';
import type { LockService } from '../../lib/core/lock-service';
import { until } from '../servers/until';
import { lined, serviceOn, useZooKeeper } from './support';

const zookeeper = useZooKeeper();
/** So long that nothing is renewed meanwhile: holders watch their own nodes then. */
const options = { sessionTimeout: 60_000 };
const init = { ttl: 60_000 };

/** How often anybody has looked at the line of a lock. */
const looks = jest.spyOn(Requests.prototype, 'children');

async function watches(): Promise<number> {
  return Number(/Total watches:(\d+)/.exec(await zookeeper.server.fourLetter('wchs'))![1]);
}

/** All who wait have looked, and sleep now. */
async function asleep(count: number): Promise<void> {
  await until(`${count} watches`, async () => (await watches()) === count);
}

async function services(count: number): Promise<LockService[]> {
  const made: LockService[] = [];
  const connect = zookeeper.server.connectString;
  for (let i = 0; i < count; i++) made.push(await serviceOn({ ...options, connect }, init));
  return made;
}

it('each exclusive waiter has one watch, and each release wakes one', async () => {
  const { server } = zookeeper;
  const COUNT = 12;
  const [holder, ...others] = await services(COUNT + 1);
  let lock = await holder!.acquire('k');
  const waiting: Promise<Awaited<ReturnType<LockService['acquire']>>>[] = [];
  for (const [i, each] of others.entries()) {
    waiting.push(each.acquire('k'));
    await lined(server, 'k', i + 2);
  }
  await asleep(COUNT);
  for (let left = COUNT; left > 0; left--) {
    expect(await watches()).toBe(left);
    looks.mockClear();
    await lock.release();
    lock = await waiting[COUNT - left]!;
    await sleep(100);
    expect(looks).toHaveBeenCalledTimes(1);
  }
  expect(await watches()).toBe(0);
  await lock.release();
});

it('readers behind two writers sleep on when the first one leaves, and all wake when the second one does', async () => {
  const { server } = zookeeper;
  const [first, second, readers, more] = await services(4);
  const one = await first!.acquire('k');
  const waiting = second!.acquire('k');
  await lined(server, 'k', 2);
  const shared = { mode: 'shared' } as const;
  const reading = Array.from({ length: 10 }, (_, i) => (i % 2 ? readers! : more!).acquire('k', shared));
  await lined(server, 'k', 12);
  await asleep(3); // one of the second writer, and one for each session with readers
  looks.mockClear();
  await one.release();
  const two = await waiting;
  await sleep(300);
  expect(looks).toHaveBeenCalledTimes(1);
  expect(await watches()).toBe(2);
  looks.mockClear();
  await two.release();
  const held = await Promise.all(reading);
  expect(looks).toHaveBeenCalledTimes(10);
  expect(await watches()).toBe(0);
  for (const lock of held) await lock.release();
});

it('a waiter that leaves wakes nobody but the one behind it, who goes on waiting', async () => {
  const { server } = zookeeper;
  const [holder, leaver, last] = await services(3);
  const lock = await holder!.acquire('k');
  const leaving = new AbortController();
  const gone = leaver!.acquire('k', { signal: leaving.signal });
  gone.catch(() => undefined);
  await lined(server, 'k', 2);
  const waiting = last!.acquire('k');
  await lined(server, 'k', 3);
  await asleep(2);
  looks.mockClear();
  leaving.abort();
  await expect(gone).rejects.toBe(leaving.signal.reason);
  await until('a look', () => looks.mock.calls.length > 0);
  await sleep(300);
  expect(looks).toHaveBeenCalledTimes(1);
  expect(lock.held).toBe(true);
  await lock.release();
  await (await waiting).release();
});

it('those who wait for one of several permits are woken together, and a process looks once for all of its own', async () => {
  const { server } = zookeeper;
  const [holders, waiters] = await services(2);
  const terms = { permits: 3 };
  const held = await Promise.all([1, 2, 3].map(() => holders!.acquire('k', terms)));
  const waiting = [1, 2, 3].map(() => waiters!.acquire('k', terms));
  await lined(server, 'k', 6);
  await until('that all have looked', async () => {
    looks.mockClear();
    await sleep(300);
    return looks.mock.calls.length === 0;
  });
  await held[1]!.release();
  await Promise.race(waiting);
  await sleep(300);
  expect(looks).toHaveBeenCalledTimes(1);
  await held[0]!.release();
  await held[2]!.release();
  const got = await Promise.all(waiting);
  expect(looks.mock.calls.length).toBeLessThanOrEqual(3);
  for (const lock of got) await lock.release();
});
