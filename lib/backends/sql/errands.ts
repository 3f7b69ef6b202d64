/** What is being seen to in the background. */
export class Errands {
  #running = 0;
  #onIdle: (() => void) | undefined;

  begin(): void {
    this.#running++;
  }

  end(): void {
    if (--this.#running === 0) this.#onIdle?.();
  }

  /** Resolves when all have ended. */
  async settled(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }
}
