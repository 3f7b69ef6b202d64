/** What is being seen to in the background. */
export class Errands {
  readonly #running = new Set<Promise<unknown>>();

  run<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work);
    const done = (): void => void this.#running.delete(work);
    work.then(done, done);
    return work;
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }
}
