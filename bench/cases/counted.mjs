import { setTimeout as sleep } from 'node:timers/promises';
import { number } from '../report.mjs';
import { sum } from '../statistics.mjs';

/** What those who wait for a lock that stays held by another process ask of Redis meanwhile. */
export async function waiting(bench, { title, processes, waiters, goal }) {
  const { ttl, rivalMs } = bench.plan.counted;
  const measure = async ({ library, retryDelay }, ms) => {
    const holder = bench.workers(library, 1, ttl);
    const others = bench.workers(library, processes, ttl);
    await holder.call('hold', { keys: ['bench:held'], retryDelay });
    await others.call('wait', { key: 'bench:held', waiters: waiters / processes, retryDelay });
    const { commands, failedWaiters } = await watch(others, { ms, retryDelay });
    const { lost } = await watch(holder, { ms: 0, retryDelay });
    holder.stop();
    others.stop();
    return { library, failedWaiters, lost, rate: (commands / processes / ms) * 1e3 };
  };
  const [own, ...rivals] = bench.contenders.filter(({ setting }) => setting !== 'fast');
  const nestlock = await measure(own, ttl);
  const figures = [nestlock];
  for (const rival of bench.plan.allRivals ? rivals : []) figures.push(await measure(rival, rivalMs));
  return {
    rows: [
      {
        title,
        result: `${number(nestlock.rate)} commands/s`,
        goal: `≤ ${goal}`,
        met: nestlock.rate <= goal,
      },
    ],
    tables: [
      {
        title,
        note: `With the default retry delays, and a ttl of ${ttl / 1e3} s.`,
        head: ['library', 'commands per second and process'],
        body: figures.map(({ library, rate }) => [library, number(rate)]),
      },
    ],
    problems: [
      ...(nestlock.failedWaiters > 0 ? [`nestlock failed ${nestlock.failedWaiters} waiters`] : []),
      ...(nestlock.lost > 0 ? ['nestlock lost the lock'] : []),
    ],
  };
}

/** What it takes to keep many locks. */
export async function renewal(bench, { title, locks, goal }) {
  const { ttl } = bench.plan.counted;
  const pool = bench.workers('nestlock', 1, ttl);
  await pool.call('hold', { keys: Array.from({ length: locks }, (_, i) => `bench:kept:${i}`) });
  const { commands, lost } = await watch(pool, { ms: ttl });
  pool.stop();
  const row = {
    title,
    result: `${number(commands)} commands`,
    goal: `≤ ${goal}`,
    met: commands <= goal,
  };
  return { rows: [row], problems: lost > 0 ? [`nestlock lost ${lost} of ${locks} locks`] : [] };
}

/** Counts what is sent while nothing happens; what it takes to get there (asking once, connecting) is over by then. */
async function watch(pool, params) {
  await sleep(1_000);
  const results = await pool.call('idle', params);
  return {
    commands: sum(results.flatMap(({ commands }) => Object.values(commands))),
    failedWaiters: sum(results.map((result) => result.failedWaiters)),
    lost: sum(results.map((result) => result.lost)),
  };
}
