import { LockUnavailableError } from '../../lib/core/errors';
import type { LockService } from '../../lib/core/lock-service';
import { startCluster } from '../servers/cluster';
import { startSentinel } from '../servers/sentinel';
import { until } from '../servers/until';
import { clientOf, proxiesOf, proxyOf, serviceOn, silence, timed, useRedis } from './support';

const redis = useRedis();

const commandTimeout = '1s';
/** Of that, with time for a busy machine; and less than the 10 s after which ioredis gives up to connect. */
const SOON = 8_000;

/** Fails; unless the connection has been replaced so soon that its client could send again. */
async function tryInVain(locks: LockService): Promise<void> {
  await locks.tryAcquire('k').then(
    (lock) => lock?.release(),
    (error: unknown) => expect(error).toBeInstanceOf(LockUnavailableError),
  );
}

describe('a connection dies without a word', () => {
  it.each([
    { what: 'it', andNext: 0 },
    { what: 'it, and the next one while it is made', andNext: 1 },
  ])('$what is replaced', async ({ andNext }) => {
    const proxy = await proxyOf(redis.server);
    const locks = await serviceOn({ url: proxy.url, commandTimeout });
    await locks.run('before', () => undefined);
    silence(proxy, undefined, andNext);
    await tryInVain(locks);
    const took = await timed(() => until('locks again', () => locks.run('k', () => true), 15_000));
    expect(took).toBeLessThan(SOON);
  });

  it('a lock that is held survives it', async () => {
    const proxy = await proxyOf(redis.server);
    const locks = await serviceOn({ url: proxy.url, commandTimeout }, { ttl: 8_000 });
    const lock = await locks.acquire('k');
    silence(proxy);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it('a client passed in is left as it is, and replaces its connection if it has a "socketTimeout"', async () => {
    const proxy = await proxyOf(redis.server);
    const [careless, careful] = [clientOf(proxy.url), clientOf(proxy.url, { socketTimeout: 4_000 })];
    const [locks, others] = await Promise.all(
      [careless, careful].map((client) => serviceOn({ client, commandTimeout })),
    );
    await Promise.all([careless.ping(), careful.ping()]);
    const closed = jest.fn();
    careless.on('close', closed);
    silence(proxy);
    await expect(others!.tryAcquire('k')).rejects.toThrow(LockUnavailableError);
    await until('locks again', () => others!.run('k', () => true));
    await expect(locks!.tryAcquire('k')).rejects.toThrow(LockUnavailableError);
    expect(closed).not.toHaveBeenCalled();
  });
});

it('behind Sentinel: the connection is replaced', async () => {
  const group = await startSentinel();
  try {
    const primary = (await group.primary())!;
    const proxy = await proxyOf(primary);
    const { host, port } = proxy;
    const locks = await serviceOn({
      sentinels: group.sentinels.map((each) => ({ host: each.host, port: each.port })),
      name: group.name,
      commandTimeout,
      options: { natMap: { [`${primary.host}:${primary.port}`]: { host, port } } },
    });
    await locks.run('before', () => undefined);
    silence(proxy);
    await tryInVain(locks);
    await until('locks again', () => locks.run('k', () => true), SOON);
  } finally {
    await group.stop();
  }
}, 60_000);

it('on a Cluster: the connection to that node is replaced, no other', async () => {
  const cluster = await startCluster();
  try {
    const { proxies, options } = await proxiesOf(cluster);
    const locks = await serviceOn({ ...options, commandTimeout });
    const keys = Array.from({ length: 12 }, (_, i) => `k${i}`); // some on each node
    for (const key of keys) await locks.run(key, () => undefined);
    const ids = (node: number): Promise<unknown> => cluster.nodes[node]!.command('client', 'list', 'type', 'normal');
    const [silent, other] = [thoseOfLocks(await ids(0)), thoseOfLocks(await ids(1))];
    silence(proxies[0]!);
    await Promise.all(keys.map((key) => locks.run(key, () => true, { waitTimeout: 0 }).catch(() => false)));
    for (const key of keys) await until('locks again', () => locks.run(key, () => true), SOON);
    expect(thoseOfLocks(await ids(0)).filter((id) => !silent.includes(id))).not.toEqual([]);
    expect(allOf(await ids(1))).toEqual(expect.arrayContaining(other));
  } finally {
    await cluster.stop();
  }
}, 60_000);

/** The ids of the connections that have run our script last. */
function thoseOfLocks(list: unknown): string[] {
  return allOf(String(list).replace(/^(?!.*cmd=evalsha).*$/gm, ''));
}

function allOf(list: unknown): string[] {
  return String(list).match(/(?<=^id=)\d+/gm) ?? [];
}
