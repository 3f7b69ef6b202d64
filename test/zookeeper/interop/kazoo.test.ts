import { startKazoo } from './kazoo';
import { inLine, newPath, nodesAt, useInterop } from './support';
import type { LockWorker } from './worker';

const interop = useInterop();
const workers: LockWorker[] = [];

async function kazooWith(options: Parameters<typeof startKazoo>[1]): Promise<LockWorker> {
  const worker = await startKazoo(interop.server.connectString, options);
  workers.push(worker);
  return worker;
}

afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.stop())));

describe('a subclass of kazoo’s Lock with the names of Curator', () => {
  let kazoo: LockWorker;
  beforeEach(async () => {
    kazoo = await kazooWith({ nodeName: '-lock-', sessionTimeout: 3_000 });
  });

  test.each([true, false])('excludes us, and is excluded by us (it comes first: %p)', async (isFirst) => {
    const path = newPath();
    const { nestlock } = interop.sides('mutex');
    const [first, second] = isFirst ? [kazoo, nestlock] : [nestlock, kazoo];
    const lock = await first.acquire('mutex', path);
    expect(await second.acquire('mutex', path, 300)).toBeUndefined();
    const next = second.acquire('mutex', path);
    await inLine(interop.server, path, 2);
    await first.release(lock!);
    await second.release((await next)!);
    expect(await nodesAt(interop.server, path)).toEqual([]);
  });

  test('waits in one line with us and Curator: first come, first served', async () => {
    const path = newPath();
    const { nestlock, Curator } = interop.sides('mutex');
    const order: number[] = [];
    const line: Promise<void>[] = [];
    const lock = await nestlock.acquire('mutex', path);
    for (const [i, worker] of [kazoo, Curator, nestlock, kazoo, nestlock, Curator, kazoo].entries()) {
      const served = async (): Promise<void> => {
        const mine = await worker.acquire('mutex', path);
        order.push(i);
        await worker.release(mine!);
      };
      line.push(served());
      await inLine(interop.server, path, i + 2);
    }
    await nestlock.release(lock!);
    await Promise.all(line);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test('is killed while it has the lock: we get it', async () => {
    const path = newPath();
    const { nestlock } = interop.sides('mutex');
    await kazoo.acquire('mutex', path);
    const next = nestlock.acquire('mutex', path);
    await inLine(interop.server, path, 2);
    await kazoo.kill();
    await nestlock.release((await next)!);
  });
});

test('a plain Lock of kazoo does not see ours; with extra_lock_patterns it does, and we refuse the next claim', async () => {
  const { nestlock } = interop.sides('mutex');
  const [plain, heeding] = [await kazooWith({}), await kazooWith({ lockPatterns: ['-lock-'] })];
  const path = newPath();
  const lock = await nestlock.acquire('mutex', path);
  const theirs = await plain.acquire('mutex', path, 5_000);
  expect(theirs).toBeDefined(); // two have it: which is why the documentation warns
  await plain.release(theirs!);
  expect(await heeding.acquire('mutex', path, 300)).toBeUndefined();
  const next = heeding.acquire('mutex', path);
  await inLine(interop.server, path, 2);
  await expect(nestlock.acquire('mutex', path)).rejects.toThrow('LockConfigError: The node of this lock has a child');
  await nestlock.release(lock!);
  await heeding.release((await next)!);
});
