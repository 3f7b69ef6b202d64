import { ROOT } from './nestlock';
import { inLine, nodesAt, useInterop } from './support';

const interop = useInterop();

/** What a Java program has to call the lock of a key, below the root. */
const NAMES: readonly [key: string, name: string][] = [
  ['nestlock:order:7', 'nestlock:order:7'],
  ['order/7', 'order%2F7'],
  ['/', '%2F'],
  ['100%', '100%25'],
  ['%2F', '%252F'],
  ['.', '%2E'],
  ['..', '%2E%2E'],
  ['concert 🎫', 'concert %F0%9F%8E%AB'],
  ['größe', 'größe'],
  ['bell\u0007', 'bell%07'],
];

test.each(NAMES)('the key %j is the node %j for a Java program', async (key, name) => {
  const { nestlock, Curator } = interop.sides('readWrite');
  const path = `${ROOT}/${name}`;
  const lock = await Curator.acquire('write', path);
  const ours = nestlock.acquire('write', `${ROOT}/${key}`);
  await inLine(interop.server, path, 2);
  await Curator.release(lock!);
  const held = await ours;
  expect(await Curator.acquire('read', path, 0)).toBeUndefined();
  await nestlock.release(held!);
  expect(await nodesAt(interop.server, path)).toEqual([]);
});
