/** Called once: when something has happened to the node, or with the reason why that would not be heard. */
export type Wake = (error?: Error) => void;

/** Who wants to hear of which nodes. */
export class Watches {
  readonly #wakes = new Map<string, Set<Wake>>();

  /** @param ask - has the server tell of the node */
  constructor(private readonly ask: (path: string) => Promise<void>) {}

  /** Asks the server too, unless it was asked already. Returns what ends it. */
  watch(path: string, wake: Wake): () => void {
    const isWatched = this.#wakes.has(path);
    const stop = this.listen(path, wake);
    if (!isWatched) this.ask(path).catch((error: Error) => this.fire(path, error));
    return stop;
  }

  /** For who has asked the server. Returns what ends it. */
  listen(path: string, wake: Wake): () => void {
    const wakes = this.#wakes.get(path) ?? new Set();
    this.#wakes.set(path, wakes.add(wake));
    return () => {
      if (wakes.delete(wake) && wakes.size === 0 && this.#wakes.get(path) === wakes) this.#wakes.delete(path);
    };
  }

  fire(path: string, error?: Error): void {
    const wakes = this.#wakes.get(path);
    this.#wakes.delete(path);
    wakes?.forEach((wake) => wake(error));
  }

  /** When nothing would be heard any more. */
  fireAll(error: Error): void {
    for (const path of [...this.#wakes.keys()]) this.fire(path, error);
  }
}
