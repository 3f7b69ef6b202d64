import type { Clock, Timer } from '../core/clock';

interface FakeTimer extends Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to move: for tests without sleeps. */
export class FakeClock implements Clock {
  #now: number;
  readonly #timers = new Set<FakeTimer>();

  /** @param start - what `now()` says at first, in ms */
  constructor(start = 1_000) {
    this.#now = start;
  }

  /** How many timers are pending. */
  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): Timer {
    const timer: FakeTimer = { at: this.#now + Math.max(0, ms), callback };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(timer: Timer): void {
    this.#timers.delete(timer as FakeTimer);
  }

  /** Moves on, running every timer that falls due at its time, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settle();
    for (let timer = this.#next(until); timer; timer = this.#next(until)) {
      this.#now = Math.max(this.#now, timer.at);
      this.#timers.delete(timer);
      timer.callback();
      await settle();
    }
    this.#now = Math.max(this.#now, until); // a callback may have stalled
  }

  /** Moves on as it looks to a process that did not run meanwhile: time has passed, no timer has fired yet. */
  stall(ms: number): void {
    this.#now += ms;
  }

  #next(until: number): FakeTimer | undefined {
    let next: FakeTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= until && (!next || timer.at < next.at)) next = timer;
    }
    return next;
  }
}

/** Lets everything that only waits for promises come to rest. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
