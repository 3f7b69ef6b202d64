import { startCurator } from './curator';
import { startNestlock } from './nestlock';
import { type Curator, inLine, newPath, nodesAt, RECIPES, type Side, SIDES, useInterop } from './support';
import type { LockWorker } from './worker';

const sessionTimeout = 3_000;
const interop = useInterop();
let dying: LockWorker | undefined;

async function start(side: Side, curator: Curator): Promise<LockWorker> {
  const { connectString } = interop.server;
  return (dying = await (side === 'Curator'
    ? startCurator(connectString, { sessionTimeout })
    : startNestlock(connectString, { sessionTimeout, curator })));
}

afterEach(() => dying?.stop());

describe.each(RECIPES)('curator: %p and %s', (curator, _recipe, [[kind]]) => {
  test.each(SIDES)('%s is killed while it has the lock: %s gets it', async (first, second) => {
    const path = newPath();
    const victim = await start(first, curator);
    const other = interop.sides(curator)[second];
    expect(await victim.acquire(kind, path)).toBeDefined();
    const next = other.acquire(kind, path);
    await inLine(interop.server, path, 2);
    await victim.kill();
    await other.release((await next)!);
    expect(await nodesAt(interop.server, path)).toEqual([]);
  });

  test.each(SIDES)('%s is killed while it waits: %s, who is next, gets the lock', async (first, second) => {
    const path = newPath();
    const victim = await start(first, curator);
    const other = interop.sides(curator)[second];
    const held = await other.acquire(kind, path);
    victim.acquire(kind, path).catch(() => undefined);
    await inLine(interop.server, path, 2);
    const next = other.acquire(kind, path);
    await inLine(interop.server, path, 3);
    await victim.kill();
    await other.release(held!);
    await other.release((await next)!);
    expect(await nodesAt(interop.server, path)).toEqual([]);
  });
});
