import { startZooKeeper, type ZooKeeperServer } from '../../servers/zookeeper';
import { startCurator } from './curator';
import { startKazoo } from './kazoo';
import { type LockWorker } from './worker';

describe.each([
  ['Curator', startCurator, { mutex: /_c_[0-9a-f-]{36}-lock-/, read: /-__READ__/, write: /-__WRIT__/ }],
  ['kazoo', startKazoo, { mutex: /[0-9a-f]{32}__lock__/, read: /__rlock__/, write: /__lock__/ }],
])('two processes with locks of %s', (_, start, names) => {
  let server: ZooKeeperServer;
  let workers: LockWorker[];

  beforeAll(async () => {
    server = await startZooKeeper();
    workers = await Promise.all(
      [4_000, 10_000].map((sessionTimeout) => start(server.connectString, { sessionTimeout })),
    );
  }, 60_000);
  afterAll(async () => {
    await Promise.all((workers ?? []).map((worker) => worker.stop()));
    await server?.stop();
  });

  it('exclude each other, and wait in line', async () => {
    const [one, other] = workers as [LockWorker, LockWorker];
    const held = await one.acquire('mutex', '/locks/a');
    expect(held).toBeDefined();
    expect(await other.acquire('mutex', '/locks/a', 100)).toBeUndefined();
    const next = other.acquire('mutex', '/locks/a');
    await one.release(held!);
    await other.release((await next)!);
    await expect(one.release(held!)).rejects.toThrow();
  });

  it('read together, and write alone', async () => {
    const [one, other] = workers as [LockWorker, LockWorker];
    const reads = await Promise.all([one, other].map((worker) => worker.acquire('read', '/locks/b')));
    expect(reads).not.toContain(undefined);
    expect(await one.acquire('write', '/locks/b', 100)).toBeUndefined();
    const written = one.acquire('write', '/locks/b');
    await one.release(reads[0]!);
    await other.release(reads[1]!);
    await written;
    expect(await other.acquire('read', '/locks/b', 100)).toBeUndefined();
    await one.release((await written)!);
  });

  it.each(['mutex', 'read', 'write'] as const)('leave a node of the known name for "%s"', async (kind) => {
    const held = await workers[0]!.acquire(kind, `/locks/${kind}`);
    const node = new RegExp(`/locks/${kind}/\\S*${names[kind].source}\\d{10}$`, 'm');
    expect(await server.fourLetter('dump')).toMatch(node);
    await workers[0]!.release(held!);
    expect(await server.fourLetter('dump')).not.toContain(`/locks/${kind}/`);
  });

  it('lose their locks with their session', async () => {
    const [one, other] = workers as [LockWorker, LockWorker];
    await one.acquire('mutex', '/locks/c');
    await one.kill();
    await expect(one.acquire('mutex', '/locks/c')).rejects.toThrow('the worker has ended');
    expect(await other.acquire('mutex', '/locks/c', 100)).toBeUndefined();
    expect(await other.acquire('mutex', '/locks/c')).toBeDefined();
    expect(other.states).toEqual(['CONNECTED']);
  });
});
