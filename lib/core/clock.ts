/** A running timer. Its methods are absent on clocks that keep no process alive. */
export interface Timer {
  /** Keeps the process alive again while the timer is pending. */
  ref?(): unknown;
  /** Lets the process end while the timer is pending. */
  unref?(): unknown;
}

/** The time that leases are measured on. */
export interface Clock {
  /** Milliseconds since an arbitrary start. Never goes back, never falls behind real time. */
  now(): number;
  /** Calls back once, in so many ms or later. */
  setTimeout(callback: () => void, ms: number): Timer;
  /** Does nothing if it has called back already. */
  clearTimeout(timer: Timer): void;
}

/** The longest delay that a timer takes, in ms (about 24.8 days). */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Setting the wall clock back by more than this is a step, not the coarseness of its milliseconds (ms). */
const STEP_BACK_MS = 50;

/**
 * A monotonic clock that also counts the time during which the machine was suspended.
 *
 * The operating system's monotonic clock may stop while the machine sleeps, and a lease goes on running in the store.
 * So whenever the wall clock has gained on the monotonic one, that gain is added for good. A wall clock that is set
 * forward ends leases too early, which is safe; one that is set back changes nothing.
 */
export function createClock(monotonic = () => performance.now(), wall = () => Date.now()): Clock {
  let base: number | undefined;
  let gained = 0;
  return {
    now() {
      const ticks = monotonic();
      const offset = wall() - ticks;
      base ??= offset;
      if (offset - base > gained) gained = offset - base;
      else if (offset - base < gained - STEP_BACK_MS) base = offset - gained;
      return ticks + gained;
    },
    setTimeout: (callback, ms) => setTimeout(callback, ms),
    clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  };
}

/** The process's own clock. */
export const systemClock: Clock = createClock();

/** Microseconds since 1970 on the wall clock: where token counters of stores without memory start. */
export function epochMicros(): number {
  return Date.now() * 1_000;
}
