import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisCluster } from '../servers/cluster';
import { startCluster } from '../servers/cluster';
import { proxiesOf, serviceOn, useRedis } from './support';

jest.setTimeout(120_000);

useRedis(); // for what is to be closed
let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

it('a node of a Cluster that is silent costs the locks of no other', async () => {
  const { proxies, options } = await proxiesOf(cluster);
  const locks = await serviceOn({ ...options, commandTimeout: '5s' }, { ttl: 6_000 });
  const keys = Array.from({ length: 12 }, (_, i) => `k${i}`); // some on each node
  const held = await Promise.all(keys.map((key) => locks.acquire(key)));
  const theirs = (await cluster.nodes[0]!.command('keys', '*')) as string[];
  const areTheirs = keys.map((key) => theirs.includes(`{nestlock:${key}}`));
  expect(new Set(areTheirs)).toEqual(new Set([true, false]));
  proxies[0]!.drop('both');
  await sleep(12_000);
  expect(held.map((lock) => lock.held)).toEqual(areTheirs.map((isTheirs) => !isTheirs));
  await proxies[0]!.restore();
  for (const lock of held) await lock.release();
});
