import type { Clock } from './clock';

/** How long an attempt does not hear of an abort, in ms: longer than most answers take. */
const LISTEN_AFTER = 5;

/** Something that can begin to listen to its signal. */
export interface Listener {
  listen(): void;
}

/** Has attempts listen to their signals in a moment, all with one timer: most have ended by then, and a signal is dear. */
export class LateListeners {
  #young: Listener[] = [];

  constructor(private readonly clock: Clock) {}

  add(listener: Listener): void {
    if (this.#young.push(listener) > 1) return;
    const listen = (): void => {
      const young = this.#young;
      this.#young = [];
      for (const each of young) each.listen();
    };
    this.clock.setTimeout(listen, LISTEN_AFTER).unref?.();
  }
}
