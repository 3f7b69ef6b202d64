import { Cluster } from 'ioredis';
import { type RedisCluster, startCluster } from './cluster';
import { until } from './until';

describe('Redis Cluster', () => {
  let cluster: RedisCluster;
  let client: Cluster | undefined;

  beforeAll(async () => {
    cluster = await startCluster({ conf: ['cluster-require-full-coverage no'] });
  }, 60_000);
  afterAll(async () => {
    client?.disconnect();
    await cluster?.stop();
  });

  it('has keys on all nodes, and lives on without one of them', async () => {
    client = new Cluster(cluster.nodes.map(({ host, port }) => ({ host, port })));
    client.on('error', () => {});
    await Promise.all(Array.from({ length: 100 }, (_, i) => client!.set(`key-${i}`, i)));
    const sizes = await Promise.all(cluster.nodes.map((node) => node.command('dbsize') as Promise<number>));
    expect(sizes.reduce((sum, size) => sum + size)).toBe(100);
    expect(Math.min(...sizes)).toBeGreaterThan(0);

    const [first, , last] = cluster.nodes;
    await first!.kill();
    expect(await last!.command('dbsize')).toBe(sizes[2]);
    await first!.start();
    await until('its return', () => client!.set('key-0', 'again'));
    expect((await first!.command('cluster', 'info')) as string).toContain('cluster_known_nodes:3');
  }, 60_000);
});
