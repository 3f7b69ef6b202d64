// One process of a contender: `node worker.mjs <system> <library> <url> <ttl> [<strategy>]`. Carries out the tasks of
// `workers.mjs`.
import * as tasks from './tasks.mjs';

const [system, library, url, ttl, strategy] = process.argv.slice(2);
const { connect, commands } = await import(`./contenders/${system}/connection.mjs`);
const { create } = await import(`./contenders/${system}/${library}.mjs`);
const locks = new Map();

/** The library with this retry delay, on a connection of its own. */
async function lockWith(retryDelay) {
  const options = { ttl: Number(ttl), retryDelay, strategy };
  if (!locks.has(retryDelay)) locks.set(retryDelay, await create(await connect(url), options));
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
