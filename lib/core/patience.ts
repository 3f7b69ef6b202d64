import { AsyncResource } from 'node:async_hooks';
import type { Bagged } from './bag';
import { Bag } from './bag';
import type { Clock, Timer } from './clock';

/** By how much a timer is late when the process has been blocked, and so could not hear any answer, in ms. */
const BLOCKED = 100;

/** Something that is waited for. */
interface Wait extends Bagged {
  readonly ms: number;
  readonly giveUp: () => void;
  due: number;
  wasProlonged: boolean;
}

/** How long answers are waited for. One timer for all of them: most come long before, and a timer for each is dear. */
export class Patience {
  readonly #waits = new Bag<Wait>();
  #timer: Timer | undefined;
  #wakeAt = Infinity;

  constructor(private readonly clock: Clock) {}

  /** Calls back after so many ms, or twice as many if the process has been blocked meanwhile. Returns what stops it. */
  after(ms: number, giveUp: () => void): () => void {
    const wait: Wait = { ms, giveUp, due: this.clock.now() + ms, wasProlonged: false, bagIndex: -1 };
    if (this.#waits.size === 0) this.#timer?.ref?.();
    this.#waits.add(wait);
    this.#wake(wait.due);
    return () => this.#stop(wait);
  }

  /** As the promise, but rejects with what `late` makes when it takes longer. @param failure - of another rejection */
  limit<T>(ms: number, promise: Promise<T>, late: () => Error, failure = (error: unknown) => error): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = this.after(ms, () => reject(late()));
      promise.then(
        (value) => {
          stop();
          resolve(value);
        },
        (error: unknown) => {
          stop();
          reject(failure(error));
        },
      );
    });
  }

  #stop(wait: Wait): void {
    this.#waits.delete(wait);
    if (this.#waits.size === 0) this.#timer?.unref?.(); // it is not worth to be stopped
  }

  /** Bound, since it would run in the async context of whoever happened to start the timer. */
  readonly #tick = AsyncResource.bind((): void => {
    const now = this.clock.now();
    const wasBlocked = now - this.#wakeAt > BLOCKED;
    this.#timer = undefined;
    this.#wakeAt = Infinity;
    let next = Infinity;
    for (const wait of this.#waits) {
      if (now >= wait.due && wasBlocked && !wait.wasProlonged) {
        wait.wasProlonged = true;
        wait.due = now + wait.ms;
      }
      if (now < wait.due) {
        next = Math.min(next, wait.due);
      } else {
        this.#waits.delete(wait);
        wait.giveUp();
      }
    }
    if (next < Infinity && this.#waits.size > 0) this.#wake(next);
  });

  #wake(at: number): void {
    if (at >= this.#wakeAt) return;
    if (this.#timer) this.clock.clearTimeout(this.#timer);
    this.#wakeAt = at;
    this.#timer = this.clock.setTimeout(this.#tick, Math.max(0, Math.ceil(at - this.clock.now())));
  }
}
