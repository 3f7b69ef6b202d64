import { until } from '../../servers/until';
import { Eye } from '../../zookeeper-input/eye';
import { startKazoo } from './kazoo';
import { type Curator, newPath, useInterop } from './support';
import type { LockKind, LockWorker } from './worker';

const interop = useInterop();
let kazoo: LockWorker;
let eye: Eye;

beforeAll(async () => {
  kazoo = await startKazoo(interop.server.connectString);
  eye = await Eye.open(interop.server.connectString);
});
afterAll(async () => {
  await kazoo?.stop();
  eye?.close();
});

/** Expects that our locks refuse to stand in line with this one, and leave it to itself. */
async function expectRefusal(curator: Curator, path: string, kind: LockKind): Promise<void> {
  const [other] = await eye.children(path);
  for (const timeout of [0, 5_000]) {
    const claim = interop.sides(curator).nestlock.acquire(kind, path, timeout);
    await expect(claim).rejects.toThrow(
      `LockConfigError: The node of this lock has a child "${other}", and { curator:`,
    );
  }
  await until('no node of ours', async () => (await eye.children(path)).length === 1);
  expect(await eye.children(path)).toEqual([other]);
}

const OTHERS: readonly [Curator, string, LockKind][] = [
  ['readWrite', 'Curator', 'mutex'],
  ['mutex', 'Curator', 'read'],
  ['mutex', 'Curator', 'write'],
  ['mutex', 'kazoo', 'mutex'],
  ['mutex', 'kazoo', 'read'],
  ['readWrite', 'kazoo', 'mutex'],
  ['readWrite', 'kazoo', 'read'],
  ['readWrite', 'kazoo', 'write'],
];

test.each(OTHERS)(
  'curator: %p refuses to stand in line with a lock of %s, kind "%s"',
  async (curator, library, kind) => {
    const path = newPath();
    const worker = library === 'kazoo' ? kazoo : interop.sides(curator).Curator;
    const lock = await worker.acquire(kind, path);
    await expectRefusal(curator, path, curator === 'mutex' ? 'mutex' : 'read');
    await expectRefusal(curator, path, 'write');
    await worker.release(lock!);
    const { nestlock } = interop.sides(curator);
    await nestlock.release((await nestlock.acquire('write', path))!); // all is well again
  },
);

test.each<Curator>(['readWrite', 'mutex'])(
  'curator: %p refuses to stand in line with any other node',
  async (curator) => {
    const path = newPath();
    await eye.create(path);
    await eye.create(`${path}/foo`);
    await expectRefusal(curator, path, 'write');
    await eye.remove(`${path}/foo`);
    const { nestlock } = interop.sides(curator);
    await nestlock.release((await nestlock.acquire('write', path))!);
  },
);

test('one who waits is told when somebody of another kind comes, and gives its place up', async () => {
  const path = newPath();
  const { nestlock } = interop.sides('readWrite');
  const lock = await nestlock.acquire('write', path);
  const waiting = nestlock.acquire('write', path);
  waiting.catch(() => undefined);
  await until('two in line', async () => (await eye.children(path)).length === 2);
  await eye.create(`${path}/foo`);
  await nestlock.release(lock!);
  await expect(waiting).rejects.toThrow('LockConfigError: The node of this lock has a child "foo"');
  await until('no node of ours', async () => (await eye.children(path)).length === 1);
  await eye.remove(`${path}/foo`);
});

test('a shared lock with curator: "mutex" is refused before anything is made', async () => {
  const path = newPath();
  const claim = interop.sides('mutex').nestlock.acquire('read', path);
  await expect(claim).rejects.toThrow(
    "LockConfigError: Locks with { curator: 'mutex' } are exclusive. For shared ones",
  );
  await expect(eye.children(path)).rejects.toThrow('no node');
});
