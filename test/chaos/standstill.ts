import { now } from './history';
import type { Interval } from './intervals';

/** As a kind of disturbance. */
export const STANDSTILL = 'standstill';
/** For how long this process does not run before it is told of, in ms. */
const NOTICED = 300;
/** How often it is looked, in ms. */
const LOOK = 20;

/** Tells when this process has not run for a while. Does not keep it alive. */
export function onStandstill(tell: (interval: Interval) => void): () => void {
  let from = now();
  const timer = setInterval(() => {
    const to = now();
    if (to - from > NOTICED) tell({ from, to });
    from = to;
  }, LOOK).unref();
  return () => clearInterval(timer);
}
