import fc from 'fast-check';
import { Model } from './model';
import type { Program } from './program';
import { themes } from './program';

/*
 * Random programs of three processes on one store, on a fake clock, and what must be true of them:
 *
 *  1. exclusion: of all locks that say `held` no two exclude each other; nothing is freed under a running body
 *  2. truth: a lock that says `held` is held in the store's own books, however the process was stalled
 *  3. tokens: they grow with every exclusive holder, and a shared one is greater than those of all earlier exclusive ones
 *  4. order: first come, first served, and after `maxLocalHandoffs` it is another process's turn
 *  5. every call ends: in time, and with an error only if what the error says has happened
 *  6. outcome: what the body returns or throws is never lost
 *  7. signal: it aborts if, and only if, the lock is lost, and once
 *  8. end: nothing is left, and `close` waits for the sections, but not longer than `shutdownTimeout`
 *  9. tryAcquire: `null` only if somebody is in the way
 *
 * A failure prints its seed and the shortest program that shows it. The programs are the same every time, so that what
 * fails was caused by what was changed. MODEL_SEED=<seed> plays others, MODEL_RUNS=<number> so many of each theme however
 * long that takes; without it a slow machine plays fewer.
 */
const { MODEL_SEED: seed = '1', MODEL_RUNS: runs } = process.env;

/** How many programs of each theme, and for how long at most, in ms. */
const RUNS = 1_000;
const LIMIT = runs === undefined ? 6_000 : Infinity;

test.each(Object.entries(themes))(
  'random programs: %s',
  async (_, programs) => {
    const start = performance.now();
    let hasFailed = false;
    const play = async (program: Program): Promise<void> => {
      if (!hasFailed && performance.now() > start + LIMIT) return; // but what has failed is shrunk to the end
      try {
        await new Model(program).play();
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    };
    await fc.assert(fc.asyncProperty(programs, play), {
      numRuns: Number(runs ?? RUNS),
      seed: Number(seed),
    });
  },
  600_000,
);
