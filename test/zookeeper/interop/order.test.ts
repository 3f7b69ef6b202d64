import { inLine, newPath, RECIPES, type Side, SIDES, useInterop } from './support';
import type { LockKind } from './worker';

const interop = useInterop();

describe.each(RECIPES)('curator: %p and %s', (curator, _recipe, [[kind]]) => {
  test.each(SIDES)('%s, %s and so on: first come, first served', async (first, second) => {
    const { server } = interop;
    const sides = interop.sides(curator);
    const path = newPath();
    const order: number[] = [];
    const line: Promise<void>[] = [];
    const lock = await sides[first].acquire(kind, path);
    for (const [i, side] of [second, first, second, first, first, second, second, first].entries()) {
      const served = async (): Promise<void> => {
        const mine = await sides[side].acquire(kind, path);
        order.push(i);
        await sides[side].release(mine!);
      };
      line.push(served());
      await inLine(server, path, i + 2);
    }
    expect(order).toEqual([]);
    await sides[first].release(lock!);
    await Promise.all(line);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

test.each(SIDES)('%s and %s: readers go together, nobody overtakes a writer', async (first, second) => {
  const { server } = interop;
  const sides = interop.sides('readWrite');
  const path = newPath();
  const order: number[] = [];
  const line: { side: Side; lock: Promise<string | undefined> }[] = [];
  const join = async (side: Side, kind: LockKind): Promise<void> => {
    const i = line.length;
    const lock = sides[side].acquire(kind, path);
    line.push({ side, lock });
    void lock.then(() => order.push(i));
    await inLine(server, path, line.length);
  };
  const leave = async (i: number): Promise<void> => {
    const { side, lock } = line[i]!;
    await sides[side].release((await lock)!);
  };

  await join(first, 'write');
  await join(second, 'read');
  await join(first, 'read');
  await join(second, 'write');
  await join(first, 'read');
  await join(second, 'read');
  await join(first, 'write');
  expect(order).toEqual([0]);
  await leave(0);
  await Promise.all([line[1]!.lock, line[2]!.lock]);
  expect(order.slice(1).sort()).toEqual([1, 2]);
  await leave(1);
  await leave(2);
  await line[3]!.lock;
  expect(order.slice(3)).toEqual([3]);
  await leave(3);
  await Promise.all([line[4]!.lock, line[5]!.lock]);
  expect(order.slice(4).sort()).toEqual([4, 5]);
  await leave(5);
  await leave(4);
  await leave(6);
  expect(order.slice(6)).toEqual([6]);
});
