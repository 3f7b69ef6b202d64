import { now } from '../clock.mjs';
import { median, overlaps, percentile, sum } from '../statistics.mjs';

/** The processes of all contenders; each library has its own. */
export function poolsOf(bench, contenders, processes) {
  return new Map(contenders.map(({ library }) => [library, bench.workers(library, processes)]));
}

/**
 * One lock that all want at once, in interleaved rounds. In `crowds` each waiter wants one turn, and the next crowd comes
 * when the last one has been served; otherwise, for the length of a round, each asks again as soon as it had its turn.
 * Gives the figures of each contender.
 */
export async function contended(bench, { contenders, pools, rounds, ...shape }) {
  const entrants = contenders.map((contender) => ({ ...contender, rounds: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const entrant of round % 2 === 0 ? entrants : entrants.toReversed()) {
      if (entrant.setting === 'default' && round >= bench.plan.defaultRounds) continue;
      const pool = pools.get(entrant.library);
      if (!pool.running) await warmUp(bench, pool, { ...shape, retryDelay: entrant.retryDelay && 1 });
      const key = `bench:hot:${keys++}`;
      entrant.rounds.push(await measure(bench, pool, { ...shape, retryDelay: entrant.retryDelay, key }));
    }
  }
  return entrants.map(({ rounds, ...contender }) => ({ ...contender, ...figuresOf(rounds) }));
}

let keys = 0;

/** Any library gets there soonest with short delays. */
async function warmUp(bench, pool, { waiters, retryDelay }) {
  const until = now() + bench.plan.contestWarmUpMs;
  await pool.start();
  await pool.call('contend', {
    key: `bench:warm-up:${keys++}`,
    waiters,
    sectionMs: 0,
    retryDelay,
    until,
    giveUpAt: until + 60_000,
  });
}

async function measure(bench, pool, { crowds, ...params }) {
  if (bench.plan.usedKeys) await pool.call('contend', { ...params, waiters: 1, until: 0, giveUpAt: now() + 60_000 });
  const counted = await bench.startCount();
  const end = now() + bench.plan.roundMs;
  const gatherings = [];
  const results = [];
  let stuck = false;
  do {
    const limits = { until: crowds ? 0 : end, giveUpAt: (crowds ? now() : end) + bench.plan.patienceMs };
    const answers = await pool.call('contend', { ...params, ...limits });
    const gathering = merged(answers, limits);
    results.push(...answers);
    gatherings.push(gathering);
    stuck = gathering.unserved.length > 0;
  } while (!stuck && now() < end);

  if (stuck) pool.stop();
  return summary(gatherings, await counted(results, { isWhole: !stuck }));
}

function summary(gatherings, commands) {
  const total = (figure) => sum(gatherings.map(figure));
  const all = (name) => gatherings.flatMap((gathering) => gathering[name]);
  const waits = [...all('sections').map(({ waited }) => waited), ...all('unserved')];
  const failures = all('failures');
  return {
    rate: (total(({ inTime }) => inTime) / total(({ duration }) => duration)) * 1e3,
    waits: [...waits, ...failures.map(({ waited }) => waited).filter((ms) => ms > 0)],
    perSection: commands / all('sections').length,
    overlaps: total(({ sections }) => overlaps(sections)),
    unserved: all('unserved').length,
    starved: total(({ starved }) => starved),
    failures: failures.map(({ error }) => error),
  };
}

/** What all processes have seen, together. In a crowd all have to be served, otherwise the time is given. */
function merged(results, { until, giveUpAt }) {
  const sections = results.flatMap((result) => result.sections);
  const unserved = results.flatMap((result) => result.unserved);
  const lastLeft = sections.reduce((last, { left }) => Math.max(last, left), 0);
  const allServed = unserved.length === 0 && sections.length > 0;
  const ended = until || (allServed ? lastLeft : giveUpAt);
  return {
    sections,
    unserved,
    duration: ended - Math.min(...results.map(({ started }) => started)),
    inTime: sections.filter(({ left }) => left <= ended).length,
    starved: until ? sum(results.map(({ starved }) => starved)) : 0,
    failures: results.flatMap(({ failures }) => failures),
  };
}

function figuresOf(rounds) {
  const each = (figure) => rounds.map(figure);
  return {
    rate: median(each(({ rate }) => rate)),
    p50: median(each(({ waits }) => percentile(waits, 0.5))),
    p99: median(each(({ waits }) => percentile(waits, 0.99))),
    longest: Math.max(...each(({ waits }) => percentile(waits, 1))),
    perSection: median(each(({ perSection }) => perSection)),
    unserved: sum(each(({ unserved }) => unserved)),
    starved: Math.max(...each(({ starved }) => starved)),
    overlaps: sum(each(({ overlaps }) => overlaps)),
    failed: sum(each(({ failures }) => failures.length)),
    firstFailure: rounds.flatMap(({ failures }) => failures)[0],
  };
}
