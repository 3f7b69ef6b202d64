import type { Clock, Timer } from './clock';

/** By how much a timer is late when the process has been blocked, and so could not hear any answer, in ms. */
const BLOCKED = 100;

/** Calls back after so many ms, or twice as many if the process has been blocked meanwhile. Returns what stops it. */
export function afterPatience(clock: Clock, ms: number, run: () => void): () => void {
  let timer: Timer;
  const start = (end: (due: number) => void): void => {
    const due = clock.now() + ms;
    timer = clock.setTimeout(() => end(due), ms);
  };
  start((due) => (clock.now() - due > BLOCKED ? start(run) : run()));
  return () => clock.clearTimeout(timer);
}
