import type { Answer } from '../../sample-app/demo/load';
import type { PhaseResult } from '../../sample-app/demo/phase';
import { figuresOf } from '../../sample-app/demo/figures';
import { judge } from '../../sample-app/demo/verdict';

const answer = (outcome: Answer['outcome'], seats: number, waited = 1): Answer => ({
  outcome,
  seats,
  waited,
  saleId: outcome === 'sold' ? 'id' : undefined,
  problem: outcome === 'failed' ? '500: oops' : undefined,
});
const sale = (seats: number) => ({ id: 'id', eventId: 'concert', buyer: 'ada', seats });

/** 4 seats, sold to two of three buyers. */
const good: PhaseResult = {
  seats: 4,
  answers: [answer('sold', 3, 30), answer('sold', 1, 10), answer('soldOut', 1, 20)],
  duration: 500,
  timeToLastSale: 400,
  ledger: [sale(3), sale(1)],
  seatsLeft: 0,
  printsPeak: 3,
  probe: { kind: 'stale', refused: true, refusedDuringSale: 0 },
  runsPerTick: [1, 1],
};
const oversold: PhaseResult = {
  ...good,
  answers: [answer('sold', 3), answer('sold', 1), answer('sold', 1)],
  ledger: [sale(3), sale(1), sale(1)],
};

describe('the figures of the demo', () => {
  it('are counted from the ledger and the answers', () => {
    expect(figuresOf(good)).toEqual({
      seats: 4,
      asked: 5,
      sold: 4,
      oversold: 0,
      seatsLeft: 0,
      sales: 2,
      soldOut: 1,
      busy: 0,
      failed: 0,
      duration: 500,
      salesPerSecond: 5,
      waitP50: 20,
      waitP99: 30,
      ticks: 2,
      reportRuns: 2,
    });
    expect(figuresOf(oversold)).toMatchObject({ sold: 5, oversold: 1 });
  });
});

describe('the verdict of the demo', () => {
  const failures = (off: PhaseResult, on: PhaseResult) =>
    judge(off, on)
      .checks.filter(({ ok }) => !ok)
      .map(({ text }) => text);

  it('is good when only the run without locks oversells', () => {
    expect(judge(oversold, good).ok).toBe(true);
    expect(failures(oversold, good)).toEqual([]);
  });

  it('is good when the run without locks does not oversell either', () => {
    expect(judge(good, good).ok).toBe(true);
  });

  it('is bad when the run with locks oversells', () => {
    expect(judge(oversold, oversold).ok).toBe(false);
    expect(failures(oversold, oversold)[0]).toBe('no seat was sold twice: 5 sold of 4');
  });

  it.each<[string, Partial<PhaseResult>, RegExp]>([
    ['an update was lost in the inventory', { seatsLeft: 1 }, /^the books agree/],
    ['the ledger misses a sale', { ledger: [sale(3)] }, /^the books agree/],
    ['time-outs kept buyers away', { answers: [answer('busy', 1)], ledger: [], seatsLeft: 4 }, /^nobody was refused/],
    ['too many invoices were printed at once', { printsPeak: 4 }, /^semaphore/],
    ['the job ran twice for a tick', { runsPerTick: [1, 2] }, /^cron job/],
    ['the job never ran', { runsPerTick: [] }, /^cron job/],
    ['a stale write was taken', { probe: { kind: 'stale', refused: false, refusedDuringSale: 0 } }, /^fencing/],
    ['a sale that failed was not undone', { probe: { kind: 'failed', undone: false } }, /^transaction: .* SOMETHING/],
    ['nobody tried', { probe: undefined }, /^fencing/],
    ['a request failed', { answers: [...good.answers, answer('failed', 1)] }, /^1 requests failed, first: 500: oops/],
  ])('is bad when %s', (_, broken, message) => {
    const on = { ...good, ...broken };
    expect(judge(oversold, on).ok).toBe(false);
    expect(failures(oversold, on)).toEqual([expect.stringMatching(message)]);
  });

  it('is bad when a request failed without locks', () => {
    expect(judge({ ...oversold, answers: [answer('failed', 1)] }, good).ok).toBe(false);
  });
});
