import { inLine, newPath, nodesAt, RECIPES, SIDES, useInterop } from './support';
import type { LockKind, LockWorker } from './worker';

const interop = useInterop();

describe.each(RECIPES)('curator: %p and %s', (curator, _recipe, pairs) => {
  describe.each(SIDES)('%s has the lock, %s wants it', (first, second) => {
    test.each(pairs)('"%s" excludes "%s", and is followed by it', async (held, wanted) => {
      const { server } = interop;
      const sides = interop.sides(curator);
      const path = newPath();
      const lock = await sides[first].acquire(held, path);
      expect(await sides[second].acquire(wanted, path, 0)).toBeUndefined();
      expect(await sides[second].acquire(wanted, path, 300)).toBeUndefined();
      await inLine(server, path, 1);
      const next = sides[second].acquire(wanted, path);
      await inLine(server, path, 2);
      await sides[first].release(lock!);
      await sides[second].release((await next)!);
      expect(await nodesAt(server, path)).toEqual([]);
    });
  });

  test('under load nobody is there together with a writer', async () => {
    const sides = interop.sides(curator);
    const path = newPath();
    const inside: LockKind[] = [];
    const kinds = new Set<string>(pairs.flat());
    let entries = 0;
    const work = async (worker: LockWorker, kind: LockKind): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        const lock = await worker.acquire(kind, path);
        inside.push(kind);
        if (inside.some((each) => each !== 'read')) expect(inside).toEqual([kind]);
        entries++;
        await new Promise((resolve) => setImmediate(resolve));
        inside.splice(inside.indexOf(kind), 1);
        await worker.release(lock!);
      }
    };
    const everybody = Object.values(sides).flatMap((worker) =>
      [...kinds, ...kinds].map((kind) => work(worker, kind as LockKind)),
    );
    await Promise.all(everybody);
    expect(entries).toBe(everybody.length * 20);
  }, 60_000);
});

test.each(SIDES)('%s and %s read together, and a writer of either waits for both', async (first, second) => {
  const { server } = interop;
  const sides = interop.sides('readWrite');
  const path = newPath();
  const one = await sides[first].acquire('read', path);
  const other = await sides[second].acquire('read', path);
  const writer = sides[first].acquire('write', path);
  await inLine(server, path, 3);
  await sides[first].release(one!);
  expect(await sides[second].acquire('write', path, 300)).toBeUndefined();
  await sides[second].release(other!);
  await sides[first].release((await writer)!);
  expect(await nodesAt(server, path)).toEqual([]);
});
