import { PRINTS_AT_ONCE } from '../invoices/invoice-printer';
import { type Figures, figuresOf, seatsIn } from './figures';
import { MOST_SEATS_WANTED } from './load';
import type { PhaseResult } from './phase';

/** One thing that must hold with locking on. */
export interface Check {
  readonly ok: boolean;
  readonly text: string;
}

export interface Verdict {
  /** Whether all checks hold. */
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/** Whether the locks have kept what they promise; the run without them is there to compare with. */
export function judge(off: PhaseResult, on: PhaseResult): Verdict {
  const figures = figuresOf(on);
  const checks = [
    checkOversold(figures),
    checkBooks(figures, on),
    checkAllSold(figures),
    checkPrints(off, on),
    checkReport(off, on),
    checkProbe(on),
    checkErrors(off, on),
  ];
  return { ok: checks.every(({ ok }) => ok), checks };
}

function checkOversold({ oversold, sold, seats }: Figures): Check {
  return { ok: oversold === 0, text: `no seat was sold twice: ${sold} sold of ${seats}` };
}

/** A lost update shows here even if there were seats enough. */
function checkBooks({ sold, seats, seatsLeft }: Figures, { answers }: PhaseResult): Check {
  const told = seatsIn(answers.filter(({ outcome }) => outcome === 'sold'));
  return {
    ok: sold === told && seats - sold === seatsLeft,
    text: `the books agree: ${sold} seats in the ledger, ${told} promised to buyers, ${seats - seatsLeft} taken from the stock`,
  };
}

/** A lock that lets nobody in oversells nothing either. */
function checkAllSold({ seatsLeft, soldOut, busy, failed }: Figures): Check {
  const served = soldOut + busy + failed === 0;
  const text = served
    ? 'every buyer was served'
    : `nobody was refused while there were seats for everyone (${seatsLeft} left, ${busy} told to try again)`;
  return { ok: served || seatsLeft < MOST_SEATS_WANTED, text };
}

function checkPrints(off: PhaseResult, on: PhaseResult): Check {
  return {
    ok: on.printsPeak <= PRINTS_AT_ONCE,
    text: `semaphore: at most ${on.printsPeak} invoices printed at once, ${PRINTS_AT_ONCE} allowed (locking off: ${off.printsPeak})`,
  };
}

function checkReport(off: PhaseResult, on: PhaseResult): Check {
  const most = (runs: readonly number[]) => Math.max(0, ...runs);
  return {
    ok: on.runsPerTick.length > 0 && most(on.runsPerTick) === 1,
    text: `cron job: ${on.runsPerTick.length} ticks, at most ${most(on.runsPerTick)} run per tick in the whole fleet (locking off: ${most(off.runsPerTick)})`,
  };
}

/** Whether a write that must not count was kept out. */
function checkProbe({ probe }: PhaseResult): Check {
  if (probe?.kind === 'failed') {
    const left = probe.undone ? 'nothing' : 'SOMETHING';
    return { ok: probe.undone, text: `transaction: a sale that failed on purpose at its end left ${left} behind` };
  }
  const { refused = false, refusedDuringSale = 0 } = probe ?? {};
  const text =
    `fencing: ${refusedDuringSale} stale writes during the sale; one sent on purpose afterwards was ` +
    (refused ? 'refused' : 'NOT refused');
  return { ok: refused, text };
}

function checkErrors(...phases: PhaseResult[]): Check {
  const problems = phases.flatMap(({ answers }) => answers.flatMap(({ problem }) => problem ?? []));
  const text =
    problems.length === 0 ? 'no request failed' : `${problems.length} requests failed, first: ${problems[0]}`;
  return { ok: problems.length === 0, text };
}
