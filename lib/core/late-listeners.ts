import type { Clock } from './clock';

/** How long an attempt does not hear of an abort, in ms, and no longer than twice that: longer than most answers take. */
const LISTEN_AFTER = 5;

/** Something that can begin to listen to its signal. */
export interface Listener {
  /** Not any more when it is settled. */
  listen(): void;
}

/** Has attempts listen to their signals in a moment, all with one timer: most have ended by then, and a signal is dear. */
export class LateListeners {
  #younger: Listener[] = [];
  #older: Listener[] = [];
  #isRunning = false;

  constructor(private readonly clock: Clock) {}

  add(listener: Listener): void {
    this.#younger.push(listener);
    if (!this.#isRunning) this.#start();
  }

  #start(): void {
    this.#isRunning = true;
    this.clock.setTimeout(this.#tick, LISTEN_AFTER).unref?.();
  }

  /** Whoever came just before it is given until the next. */
  readonly #tick = (): void => {
    const grown = this.#older;
    this.#older = this.#younger;
    this.#younger = [];
    this.#isRunning = false;
    for (const each of grown) each.listen();
    if (this.#older.length > 0) this.#start();
  };
}
