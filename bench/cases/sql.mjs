import { strategies } from '../contenders/sql.mjs';
import { hotKey } from './hot-key.mjs';
import { uncontended } from './uncontended.mjs';

/** Those of one database. @param name - of the database, for titles */
export function sqlCases(system, name) {
  const hot = (processes, waiters) => (bench) =>
    hotKey(bench, {
      title: `${name}: hot key, ${processes} ${processes === 1 ? 'process' : 'processes'} × ${waiters}`,
      processes,
      waiters,
      sideRows: false,
    });
  return {
    [`${system}-cycle`]: (bench) =>
      eachStrategy(bench, (strategy) => ({
        title: `${name}: free lock, one after the other, ${strategy}`,
        keys: 1,
        ...(strategy === 'optimistic' ? { isSide: true } : { goal: 0.9 }),
        against: { library: `bare ${strategy}`, name: 'bare statements' },
      })),
    [`${system}-keys`]: (bench) =>
      eachStrategy(bench, (strategy) => ({
        title: `${name}: free locks, 64 keys at once, ${strategy}`,
        keys: 64,
        isSide: true,
        against: { library: `pooled ${strategy}`, name: 'pooled statements' },
      })),
    [`${system}-process`]: hot(1, 50),
    [`${system}-processes`]: hot(4, 25),
  };
}

/** Each strategy against the same by hand. */
async function eachStrategy(bench, rowOf) {
  const results = [];
  for (const strategy of strategies)
    results.push(await uncontended(bench, { own: `nestlock ${strategy}`, ...rowOf(strategy) }));
  return { rows: results.flatMap(({ rows }) => rows), tables: results.flatMap(({ tables }) => tables) };
}
