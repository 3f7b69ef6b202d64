/** What a backend opens when it is first needed: one at a time, and a new one after it was closed or could not be opened. */
export class Opening<T> {
  #opening: Promise<T> | undefined;
  #opened: T | undefined;

  constructor(private readonly open: () => Promise<T>) {}

  /** It, if it is open already: most calls need not wait for it. */
  get opened(): T | undefined {
    return this.#opened;
  }

  get(): Promise<T> {
    if (this.#opening) return this.#opening;
    const opening: Promise<T> = this.open().then(
      (opened) => {
        if (this.#opening === opening) this.#opened = opened; // it may have been let go of meanwhile
        return opened;
      },
      (error: unknown) => {
        if (this.#opening === opening) this.#opening = undefined;
        throw error;
      },
    );
    return (this.#opening = opening);
  }

  /** Lets go of it. Resolves with what is to be closed, if there is anything. */
  async take(): Promise<T | undefined> {
    const opening = this.#opening;
    this.#opening = this.#opened = undefined;
    return opening?.catch(() => undefined); // whoever opened it was told
  }
}
