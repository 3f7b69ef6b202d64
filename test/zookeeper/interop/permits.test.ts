import { zookeeperBackend } from '../../../lib/backends/zookeeper';
import { LockTimeoutError } from '../../../lib/core/errors';
import { LockService } from '../../../lib/core/lock-service';
import { ROOT } from './nestlock';
import { inLine, newPath, nodesAt, useInterop } from './support';

const interop = useInterop();
let locks: LockService;

beforeAll(() => {
  const backend = zookeeperBackend({ connect: interop.server.connectString, root: ROOT });
  locks = new LockService({ backend, prefix: '', maxLocalHandoffs: 0 });
});
afterAll(() => locks?.close());

/** A lock with the key that belongs to its path. */
function fresh(): { path: string; key: string } {
  const path = newPath();
  return { path, key: path.slice(ROOT.length + 1) };
}

test('a writer of Curator waits for all who have a permit', async () => {
  const { path, key } = fresh();
  const { Curator } = interop.sides('readWrite');
  const [one, other] = [await locks.acquire(key, { permits: 3 }), await locks.acquire(key, { permits: 3 })];
  expect((await nodesAt(interop.server, path)).every((name) => /-p3-__READ__\d{10}$/.test(name))).toBe(true);
  const writer = Curator.acquire('write', path);
  await inLine(interop.server, path, 3);
  await one.release();
  expect(await Curator.acquire('write', path, 300)).toBeUndefined();
  await other.release();
  await Curator.release((await writer)!);
});

test('who wants a permit waits for a writer of Curator, and overtakes none', async () => {
  const { path, key } = fresh();
  const { Curator } = interop.sides('readWrite');
  const first = await locks.acquire(key, { permits: 2 });
  const writer = Curator.acquire('write', path);
  await inLine(interop.server, path, 2);
  const timely = locks.acquire(key, { permits: 2, waitTimeout: 300 });
  await expect(timely).rejects.toBeInstanceOf(LockTimeoutError);
  const second = locks.acquire(key, { permits: 2 });
  await inLine(interop.server, path, 3);
  await first.release();
  const lock = await writer;
  expect(await locks.tryAcquire(key, { permits: 2 })).toBeNull();
  await Curator.release(lock!);
  await (await second).release();
  expect(await nodesAt(interop.server, path)).toEqual([]);
});

test('a reader of Curator does not wait for permits, but takes up one of them', async () => {
  const { path, key } = fresh();
  const { Curator } = interop.sides('readWrite');
  const one = await locks.acquire(key, { permits: 2 });
  const reader = await Curator.acquire('read', path);
  expect(await locks.tryAcquire(key, { permits: 2 })).toBeNull();
  const next = locks.acquire(key, { permits: 2 });
  await inLine(interop.server, path, 3);
  const another = await Curator.acquire('read', path);
  await Curator.release(reader!);
  const two = await next;
  await Promise.all([one.release(), two.release(), Curator.release(another!)]);
  expect(await nodesAt(interop.server, path)).toEqual([]);
});
