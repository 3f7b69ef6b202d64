/** What is being seen to in the background: whoever closes the connection waits for it. */
export class Errands {
  #running = 0;
  #onIdle: (() => void) | undefined;

  get areDone(): boolean {
    return this.#running === 0;
  }

  /** Counts it until it settles. Returns it as it is: a rejection is for the caller to handle. */
  see<T>(errand: Promise<T>): Promise<T> {
    this.#running++;
    errand.then(this.#end, this.#end);
    return errand;
  }

  /** Resolves when all have ended, and have left no others to be run. */
  async settled(): Promise<void> {
    while (!this.areDone) {
      await new Promise<void>((resolve) => (this.#onIdle = resolve));
      await new Promise(setImmediate);
    }
  }

  readonly #end = (): void => {
    if (--this.#running === 0) this.#onIdle?.();
  };
}
