import { Redis } from 'ioredis';
import { allContenders } from '../contenders/redis/index.mjs';
import { startRedis } from '../servers/redis.mjs';
import { sum } from '../statistics.mjs';
import { nodeWorker, Workers } from '../workers.mjs';

const TTL = 30_000;

/** What the cases work with: a Redis, processes, and the plan of how long to measure. */
export async function openRedis({ url: given, plan }) {
  const { url, stop } = given ? { url: given } : await startRedis();
  const redis = new Redis(url);
  return {
    plan,
    contenders: await allContenders(),
    workers: (library, count = 1, ttl = TTL) =>
      new Workers(library, count, () => nodeWorker('redis', library, url, String(ttl))),

    /** From now on; gives what tells the number of commands by the results of all processes. */
    async startCount() {
      const before = await scriptCalls(redis);
      return async (results, { isWhole }) => {
        const commands = results.map((result) => result.commands);
        const scripts = sum(commands.map(({ evalsha = 0, eval: whole = 0 }) => evalsha + whole));
        if (isWhole) checkCount(scripts, (await scriptCalls(redis)) - before);
        return sum(commands.flatMap(Object.values));
      };
    },

    async facts() {
      const [, version] = /redis_version:(\S+)/.exec(await redis.info('server'));
      return [['Redis', version]];
    },

    close() {
      redis.disconnect();
      stop?.();
    },
  };
}

/** How many scripts clients have asked for so far. */
async function scriptCalls(redis) {
  const stats = await redis.info('commandstats');
  const counts = stats.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm);
  return sum([...counts].map(([, calls]) => Number(calls)));
}

/**
 * No script can call a script, so of these Redis must have counted what our processes say that they have sent; but for a few
 * that were sent in the background, around the moment when we looked.
 */
function checkCount(sent, seen) {
  if (Math.abs(sent - seen) <= 2 + seen / 100) return;
  throw new Error(
    `The processes have sent ${sent} scripts, and Redis has run ${seen}: is it busy with something else?`,
  );
}
