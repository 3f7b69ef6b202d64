import { now } from '../clock.mjs';
import { number } from '../report.mjs';
import { median, percentile } from '../statistics.mjs';

/**
 * Free locks, taken and given back: as many loops as there are keys.
 *
 * @param row - `own` is nestlock, `against` is what it has to match, `rivals` are libraries to look at as well; with `isSide`
 *   nestlock is one of those
 */
export async function uncontended(bench, { title, keys, goal, own = 'nestlock', against, rivals = [], isSide }) {
  const { pairs, rivalRounds } = bench.plan;
  const shape = { base: against.library, keys };
  const rounds = isSide ? rivalRounds : pairs;
  const pair = await inTurn(bench, { libraries: [against.library, own], ...rounds, ...shape });
  const libraries = rivals.length > 0 ? [against.library, ...rivals] : [];
  const others = await inTurn(bench, { libraries, ...rivalRounds, ...shape });
  const { [against.library]: base, [own]: nestlock } = pair;
  return {
    rows: [
      {
        title,
        nestlock: `${number(nestlock.rate)}/s`,
        against: `${against.name} ${number(base.rate)}/s`,
        result: `${number(nestlock.ratio)} ×`,
        ...(goal && { goal: `≥ ${number(goal)} ×`, met: nestlock.ratio >= goal }),
      },
    ],
    tables: [
      {
        title,
        head: ['library', 'cycles per second', `ratio to ${against.name}`, 'middle half of the ratios'],
        body: Object.entries({ ...others, ...pair }).map(([library, { rate, ratio, quarters }]) => [
          library,
          number(rate),
          number(ratio),
          quarters.map(number).join(' to '),
        ]),
      },
    ],
  };
}

/**
 * Short rounds in turn, each second time in the opposite order, so that what else the machine does hits all alike. Each
 * library has a process of its own, and new ones from time to time: what one costs its process (promise hooks, garbage)
 * the others do not pay, and a process that came out slow does not decide.
 */
async function inTurn(bench, { libraries, base, rounds, restarts, keys }) {
  const seen = Object.fromEntries(libraries.map((library) => [library, { rates: [], ratios: [] }]));
  const all = Array.from({ length: Math.max(keys, bench.plan.warmUpKeys) }, (_, i) => `bench:free:${i}`);
  const measure = async (pool, ms, count = keys) => {
    const [{ rate }] = await pool.call('cycle', { keys: all.slice(0, count), until: now() + ms });
    return rate;
  };

  for (let start = 0; start <= restarts; start++) {
    const pools = libraries.map((library) => bench.workers(library));
    await Promise.all(pools.map((pool) => pool.start()));
    await Promise.all(pools.map((pool) => measure(pool, bench.plan.warmUpMs, all.length)));
    for (let round = 0; round < rounds; round++) {
      const rates = {};
      for (const pool of round % 2 === 0 ? pools : pools.toReversed())
        rates[pool.library] = await measure(pool, bench.plan.roundMs);
      for (const library of libraries) {
        seen[library].rates.push(rates[library]);
        seen[library].ratios.push(rates[library] / rates[base]);
      }
    }
    for (const pool of pools) pool.stop();
  }
  return Object.fromEntries(Object.entries(seen).map(([library, figures]) => [library, summary(figures)]));
}

const summary = ({ rates, ratios }) => ({
  rate: median(rates),
  ratio: median(ratios),
  quarters: [percentile(ratios, 0.25), percentile(ratios, 0.75)],
});
