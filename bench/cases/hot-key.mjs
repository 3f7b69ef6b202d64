import { number } from '../report.mjs';
import { contended, poolsOf } from './contended.mjs';

/** One key that many callers want at once, in one process or in several. Without `sideRows` those of 1 ms are in tables only. */
export async function hotKey(bench, { title, processes, waiters, goal, waitGoal, sideRows = true }) {
  const { contenders } = bench;
  const pools = poolsOf(bench, contenders, processes);
  const { rounds, sideRounds, allRivals } = bench.plan;
  const fast = contenders.filter(({ setting }) => allRivals || setting !== 'default');
  const contest = (shape) => contended(bench, { contenders: fast, pools, waiters, rounds: sideRounds, ...shape });
  const free = await contest({ crowds: true, sectionMs: 0, contenders, rounds });
  const busy = await contest({ crowds: true, sectionMs: 1 });
  const endless = await contest({ crowds: false, sectionMs: 0 });
  for (const pool of pools.values()) pool.stop();
  return {
    rows: [
      ...compare(title, free, { goal, waitGoal }),
      ...(sideRows ? compare(`${title}, sections of 1 ms`, busy) : []),
    ],
    tables: [
      figuresTable(`${title}: crowds`, free),
      figuresTable(`${title}: crowds, sections of 1 ms`, busy),
      figuresTable(`${title}: endless`, endless),
    ],
    problems: [free, busy, endless].flatMap(problemsOf),
  };
}

/** Several processes with one caller each: what does it cost to pass a lock from one to another? */
export async function handOver(bench, { title, processes, goal }) {
  const contenders = bench.plan.allRivals ? bench.contenders : [{ library: 'nestlock' }];
  const pools = poolsOf(bench, contenders, processes);
  const shape = { waiters: 1, sectionMs: 0, crowds: false, rounds: bench.plan.rounds };
  const figures = await contended(bench, { contenders, pools, ...shape });
  for (const pool of pools.values()) pool.stop();
  const [nestlock] = figures;
  const row = {
    title,
    nestlock: `${number(nestlock.rate)}/s`,
    result: `${number(nestlock.perSection)} commands`,
    goal: `≤ ${number(goal)}`,
    met: nestlock.perSection <= goal,
  };
  return { rows: [row], tables: [figuresTable(title, figures)], problems: problemsOf(figures) };
}

/** nestlock with the best rival, each of its variants if there are several. */
function compare(title, figures, goals) {
  const rivals = figures.filter((figure) => !isOwn(figure));
  const titleOf = ({ variant }) => (variant ? `${title}, ${variant}` : title);
  return figures.filter(isOwn).flatMap((own) => compareOne(titleOf(own), own, rivals, goals));
}

const isOwn = ({ library }) => library.startsWith('nestlock');

function compareOne(title, nestlock, rivals, { goal, waitGoal } = {}) {
  const fastest = rivals.reduce((best, rival) => (rival.rate > best.rate ? rival : best));
  const promptest = rivals.reduce((best, rival) => (rival.p99 < best.p99 ? rival : best));
  const rates = nestlock.rate / fastest.rate;
  const waits = nestlock.p99 / promptest.p99;
  return [
    {
      title,
      nestlock: `${number(nestlock.rate)}/s`,
      against: `${nameOf(fastest)} ${number(fastest.rate)}/s`,
      result: `${number(rates)} ×`,
      ...(goal && { goal: `≥ ${goal} ×`, met: rates >= goal }),
    },
    {
      title: `${title}: 99 % of waits`,
      nestlock: `${number(nestlock.p99)} ms`,
      against: `${nameOf(promptest)} ${number(promptest.p99)} ms`,
      result: `${number(waits)} ×`,
      ...(waitGoal && { goal: `≤ ${number(waitGoal)} ×`, met: waits <= waitGoal }),
    },
  ];
}

const nameOf = ({ library, setting }) => (setting ? `${library} (${setting})` : library);

function figuresTable(title, figures) {
  return {
    title,
    head: [
      'library',
      'retry delay',
      'sections/s',
      'wait p50',
      'wait p99',
      'longest',
      'commands',
      'unserved',
      'starved',
      'failed',
      'overlaps',
    ],
    body: figures.map((figure) => [
      figure.library,
      figure.retryDelay === undefined ? '–' : `${figure.retryDelay} ms (${figure.setting})`,
      ...['rate', 'p50', 'p99', 'longest', 'perSection'].map((name) => number(figure[name])),
      ...['unserved', 'starved', 'failed', 'overlaps'].map((name) => String(figure[name])),
    ]),
  };
}

function problemsOf(figures) {
  return figures
    .filter(isOwn)
    .flatMap(({ library, overlaps, unserved, failed, firstFailure }) => [
      ...(overlaps > 0 ? [`${library} let ${overlaps} sections begin before the one before them had ended`] : []),
      ...(unserved > 0 ? [`${library} left ${unserved} callers waiting`] : []),
      ...(failed > 0 ? [`${library} failed ${failed} callers: ${firstFailure}`] : []),
    ]);
}
