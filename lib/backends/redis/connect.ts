import { randomInt } from 'node:crypto';
import type { OwnRedisClient, RedisClient } from './client';
import { isCluster } from './client';
import { loadDriver } from './driver';
import type { RedisSettings } from './options';

/** How long until the next try to connect, in ms, after so many. Spread, so that a fleet does not come back at once. */
const retryStrategy = (tries: number): number => Math.min(50 * tries, 1_000) + randomInt(50);

/** What connections of our own do when nothing else is said. */
const DEFAULTS = {
  retryStrategy,
  maxRetriesPerRequest: null, // each command has a time-out of ours
  keepAlive: 10_000, // ms, so that fewer connections are forgotten on the way; not for nodes of a Cluster
  disconnectTimeout: 200, // ms; what could be waited for has been waited for
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'), // a primary that became a replica
};

/** A client of our own, which connects with its first command. @throws LockConfigError */
export async function createClient({
  url,
  cluster,
  sentinels,
  name = 'mymaster',
  options,
  commandTimeout,
}: RedisSettings): Promise<OwnRedisClient> {
  const { Redis, Cluster } = await loadDriver();
  const lazyConnect = true;
  if (cluster) return new Cluster(cluster, { clusterRetryStrategy: retryStrategy, ...options, lazyConnect });
  const all = { ...DEFAULTS, ...options, lazyConnect };
  if (sentinels) {
    const defaults = { failoverDetector: true, sentinelCommandTimeout: commandTimeout };
    return persistent(new Redis({ ...defaults, ...all, sentinels, name }));
  }
  return url === undefined ? new Redis(all) : new Redis(url, all);
}

/** A second connection to where the client is connected, for messages. */
export function createSubscriber(client: RedisClient): OwnRedisClient {
  const duplicate = client.duplicate.bind(client) as (...args: unknown[]) => OwnRedisClient;
  const options = {
    keyPrefix: '',
    lazyConnect: false,
    enableOfflineQueue: true,
    autoResubscribe: false, // it subscribes anew when it is ready, and looks whether that works
    ...DEFAULTS,
  };
  if (!isCluster(client)) return persistent(duplicate(options));
  const redisOptions = { ...client.options?.redisOptions, keyPrefix: '' }; // ioredis 5 would replace all of them
  return duplicate([], { ...options, clusterRetryStrategy: retryStrategy, redisOptions });
}

/**
 * Has a client connect again when it has given up for good. Behind Sentinel, ioredis does that when it hears of a failover
 * while it looks for the primary: nobody could lock anything any more until the process is started again.
 */
function persistent(client: OwnRedisClient): OwnRedisClient {
  const disconnect = client.disconnect.bind(client);
  let isClosed = false;
  let tries = 0;
  client.disconnect = (reconnect = false) => {
    isClosed ||= !reconnect;
    disconnect(reconnect);
  };
  client.on('ready', () => (tries = 0));
  client.on('end', () => {
    if (isClosed) return;
    const again = (): void => {
      if (!isClosed) client.connect().catch(() => undefined); // then it ends once more
    };
    setTimeout(again, retryStrategy(++tries)).unref();
  });
  return client;
}
