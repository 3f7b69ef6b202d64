// One process of a contender: `node worker.mjs <library> <url> <ttl>`. Carries out the tasks that `workers.mjs` sends.
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { commands } from './command-count.mjs';
import * as tasks from './tasks.mjs';

const [library, url, ttl] = process.argv.slice(2);
const { create } = await import(`./contenders/${library}.mjs`);
const locks = new Map();

/** The library with this retry delay, on a connection of its own that is there already. */
async function lockWith(retryDelay) {
  if (!locks.has(retryDelay)) {
    const redis = new Redis(url);
    await once(redis, 'ready');
    locks.set(retryDelay, await create(redis, { ttl: Number(ttl), retryDelay }));
  }
  return locks.get(retryDelay);
}

process.on('message', async ({ task, params }) => {
  try {
    const lock = await lockWith(params.retryDelay);
    const before = { ...commands };
    const result = await tasks[task](lock, params);
    process.send({ result: { ...result, commands: difference(commands, before) } });
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) });
  }
});
process.on('disconnect', () => process.exit());
process.send({ result: 'ready' });

function difference(after, before) {
  return Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]));
}
