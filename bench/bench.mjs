import { Redis } from 'ioredis';
import { startRedis } from './redis-server.mjs';
import { Workers } from './workers.mjs';

const TTL = 30_000;

/** What the cases work with: a Redis, processes, and the plan of how long to measure. */
export async function openBench({ url: given, plan }) {
  const { url, stop } = given ? { url: given } : await startRedis();
  const redis = new Redis(url);
  return {
    plan,
    redis,
    workers: (library, count = 1, ttl = TTL) => new Workers(library, { count, url, ttl }),
    /** How many scripts clients have asked for so far. */
    async scriptCalls() {
      const stats = await redis.info('commandstats');
      const counts = stats.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm);
      return [...counts].reduce((total, [, calls]) => total + Number(calls), 0);
    },
    close() {
      redis.disconnect();
      stop?.();
    },
  };
}
