import { Redis } from 'ioredis';
import { LockService } from 'nestlock';
import { redisBackend } from 'nestlock/redis';
import type { RedisCluster } from '../servers/cluster';
import { startCluster } from '../servers/cluster';
import { freePort, HOST } from '../servers/ports';
import type { SentinelGroup } from '../servers/sentinel';
import { startSentinel } from '../servers/sentinel';
import { startOldRedis } from './old-server';
import { bootWith } from './refusals';

/** Servers that are not what they are taken for, with the installed version of ioredis. */
export function servers(): void {
  let group: SentinelGroup;
  let cluster: RedisCluster;

  beforeAll(async () => {
    [group, cluster] = await Promise.all([startSentinel(), startCluster()]);
  });
  afterAll(() => Promise.all([group, cluster].map((each) => each?.stop())));

  // First, since timers of ioredis outlive failed connections for 2 s.
  describe('nobody there: the boot warns, and locks are unavailable in time', () => {
    test.each(['url', 'cluster', 'sentinels'] as const)('%s', async (source) => {
      const nowhere = { host: HOST, port: await freePort() };
      const target = {
        url: { url: `redis://${HOST}:${nowhere.port}` },
        cluster: { cluster: [nowhere] },
        sentinels: { sentinels: [nowhere] },
      }[source];
      const backend = redisBackend({ commandTimeout: 300, ...target });
      expect(await bootWith({ commandTimeout: 300, ...target })).toEqual([
        expect.stringMatching(/not available yet \(.*\): until it is, every lock fails with LockUnavailableError\.$/),
      ]);
      const locks = new LockService({ backend });
      const start = performance.now();
      await expect(locks.acquire('k')).rejects.toThrow(
        /"k" could not be asked for: Redis did not answer within 300 ms/,
      );
      expect(performance.now() - start).toBeLessThan(10_000);
      await locks.close();
    });
  });

  test('a replica: the boot fails, and names the primary', async () => {
    const [primary, replica] = group.nodes;
    await expect(bootWith(replica!.url)).rejects.toThrow(
      `This Redis is a replica of ${HOST}:${primary!.port}, and locks have to be written. Connect to the primary`,
    );
  });

  test('a sentinel in place of a server', async () => {
    await expect(bootWith(group.sentinels[0]!.url)).rejects.toThrow('Connect with redisBackend({ sentinels:');
  });

  test('a server in place of a sentinel', async () => {
    const { host, port } = group.nodes[0]!;
    const promise = bootWith({ sentinels: [{ host, port }], name: group.name });
    await expect(promise).rejects.toThrow('this is no sentinel, and "sentinels" takes addresses of sentinels');
  });

  test('a name that the sentinels do not know', async () => {
    const sentinels = group.sentinels.map(({ host, port }) => ({ host, port }));
    await expect(bootWith({ sentinels })).rejects.toThrow('the sentinels know no primary of that name: set "name"');
  });

  test.each(['5.0.14', '6.0.20'])('Redis %s is too old', async (version) => {
    const old = await startOldRedis(version);
    try {
      await expect(bootWith(old.url)).rejects.toThrow(
        `nestlock needs Redis 6.2 or newer, and this is ${version}. Upgrade it.`,
      );
    } finally {
      old.close();
    }
  });

  test.each([
    ['a URL', (url: string) => url],
    ['a client', (url: string) => new Redis(url)],
  ])('a node of a Cluster, by %s', async (_, target) => {
    const given = target(cluster.nodes[0]!.url);
    await expect(bootWith(given)).rejects.toThrow('node of a Cluster. Connect with redisBackend({ cluster: [');
    if (typeof given !== 'string') given.disconnect();
  });

  test('a single server in place of a Cluster', async () => {
    const { host, port } = group.nodes[0]!;
    const promise = bootWith({ cluster: [{ host, port }] });
    await expect(promise).rejects.toThrow('a single server: connect with redisBackend({ url }) instead of { cluster }');
  });

  test('a database that is not there', async () => {
    const promise = bootWith(`${group.nodes[0]!.url}/99`);
    await expect(promise).rejects.toThrow('there is no database of that number');
  });

  test('a client that is closed: a warning, and no lock', async () => {
    const client = new Redis(group.nodes[0]!.url);
    await client.quit();
    expect(await bootWith(client)).toEqual([expect.stringContaining('not available yet (the client is closed)')]);
    const locks = new LockService({ backend: redisBackend(client) });
    await expect(locks.tryAcquire('k')).rejects.toThrow(/"k" could not be asked for: .*on the client\.$/);
    await locks.close();
  });
}
