import { Redis, type RedisOptions as ClientOptions } from 'ioredis';
import type { RedisBackendOptions } from '../../lib/backends/redis';
import { redisBackend } from '../../lib/backends/redis';
import type { LockServiceInit } from '../../lib/core/lock-service';
import { LockService } from '../../lib/core/lock-service';
import { Worker } from '../processes/worker';
import type { RedisCluster } from '../servers/cluster';
import type { Connection, TcpProxy, Which } from '../servers/proxy';
import { startProxy, subscribers } from '../servers/proxy';
import type { RedisOptions, RedisServer } from '../servers/redis';
import { startRedis } from '../servers/redis';
import { until } from '../servers/until';

/** What the locks of these tests have unless a test says otherwise, in ms. */
export const TTL = 2_000;

const DEFAULTS = { ttl: TTL, waitTimeout: '20s', maxLocalHandoffs: 0 } as const;

type Init = Partial<LockServiceInit>;

/** The connections that operations go over. */
export const others = (connection: { readonly sent: string }): boolean => !subscribers(connection);

/** Something that is closed after the test. */
const toClose: (() => Promise<void>)[] = [];

/** A real server for the tests of a file; after each of them it must be as if nobody had ever been there. */
export function useRedis(options: RedisOptions = {}): { readonly server: RedisServer } {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis(options);
  });
  afterEach(async () => {
    for (const close of toClose.splice(0).reverse()) await close();
    await until('connections that are closed', async () => (await connectionsTo(server)).length === 0);
    await until('keys that are gone', async () => (await keysIn(server)).length === 0, 20_000).catch(async (error) => {
      const keys = await keysIn(server);
      await server.command('flushall');
      throw new Error(`${(error as Error).message}: ${keys.join(' ')}`);
    });
  });
  afterAll(() => server?.stop());
  return {
    get server() {
      return server;
    },
  };
}

/** A service on the backend with these options. */
export async function serviceOn(backend: string | RedisBackendOptions | Redis, init: Init = {}): Promise<LockService> {
  const options =
    typeof backend === 'string' ? { url: backend } : backend instanceof Redis ? { client: backend } : backend;
  const service = new LockService({
    backend: redisBackend({ commandTimeout: '10s', ...options }),
    ...DEFAULTS,
    ...init,
  });
  toClose.push(() => service.close());
  await service.open();
  return service;
}

export async function proxyOf(server: RedisServer): Promise<TcpProxy> {
  const proxy = await startProxy(server);
  toClose.push(() => proxy.close());
  return proxy;
}

/** Each node of a Cluster behind a proxy of its own, and how to reach them. */
export async function proxiesOf({
  nodes,
}: RedisCluster): Promise<{ proxies: TcpProxy[]; options: RedisBackendOptions }> {
  const proxies = await Promise.all(nodes.map((node) => proxyOf(node)));
  const cluster = proxies.map(({ host, port }) => ({ host, port }));
  const natMap = Object.fromEntries(nodes.map(({ host, port }, i) => [`${host}:${port}`, cluster[i]]));
  return { proxies, options: { cluster, options: { natMap } } };
}

/** Lets the connections that there are die without a word, and the next ones, if any; all others work. */
export function silence(proxy: TcpProxy, which: Which = () => true, andNext = 0): void {
  const seen = new Set<Connection>();
  const dead = new Set<Connection>();
  const isDead: Which = (each) => {
    if (!seen.has(each) && andNext-- > 0) dead.add(each);
    seen.add(each);
    return dead.has(each);
  };
  proxy.cut((each) => {
    if (which(each)) dead.add(each);
    seen.add(each);
    return false; // cuts none
  });
  proxy.drop('both', isDead);
}

/** A process with a service of its own. */
export async function workerOn(backend: string | RedisBackendOptions, init: Init = {}): Promise<Worker> {
  const options = typeof backend === 'string' ? { url: backend } : backend;
  const worker = await Worker.start(['redis', { commandTimeout: '10s', ...options }], { ...DEFAULTS, ...init });
  toClose.push(async () => {
    await worker.close();
    expect(worker.uncaught).toEqual([]);
  });
  return worker;
}

/** A client of the user's own. */
export function clientOf(url: string, options: ClientOptions = {}): Redis {
  const client = new Redis(url, options);
  client.on('error', () => undefined);
  toClose.push(() => Promise.resolve(client.disconnect()));
  return client;
}

/** Resolves when so many claims wait for the lock. */
export async function queued(server: RedisServer, key: string, count = 1): Promise<void> {
  await until(`${count} in the queue of ${key}`, async () => {
    return (await server.command('zcard', `{nestlock:${key}}:queue`)) === count;
  });
}

/** Resolves when so many claims that wait for the lock would be told of a grant. */
export async function told(server: RedisServer, key: string, count = 1): Promise<void> {
  await until('claims with a channel', async () => {
    const claims = (await server.command('hvals', `{nestlock:${key}}:claims`)) as string[];
    return claims.filter((claim) => claim.includes('nestlock:wake:')).length === count;
  });
}

/** How long it takes, in ms. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** All keys but those that outlive a lock on purpose. */
export async function keysIn(server: RedisServer): Promise<string[]> {
  const keys = (await server.command('keys', '*')) as string[];
  return keys.filter((key) => !key.endsWith(':fence'));
}

/** What clients are connected, besides the one that asks. */
export async function connectionsTo(server: RedisServer): Promise<string[]> {
  const lines: string[] = [];
  for (const type of ['normal', 'pubsub']) {
    lines.push(...((await server.command('client', 'list', 'type', type)) as string).split('\n'));
  }
  return lines.filter((line) => line !== '' && !line.includes('cmd=client|list'));
}
