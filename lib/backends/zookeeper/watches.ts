/** Who wants to hear when something happens to a node; each once. */
export class Watches {
  readonly #wakers = new Map<string, Set<() => void>>();

  /** Whether somebody was there before, who has asked the server. */
  add(path: string, wake: () => void): boolean {
    const wakers = this.#wakers.get(path);
    if (wakers) wakers.add(wake);
    else this.#wakers.set(path, new Set([wake]));
    return wakers !== undefined;
  }

  delete(path: string, wake: () => void): void {
    const wakers = this.#wakers.get(path);
    if (wakers?.delete(wake) && wakers.size === 0) this.#wakers.delete(path);
  }

  fire(path: string): void {
    const wakers = this.#wakers.get(path);
    this.#wakers.delete(path);
    wakers?.forEach((wake) => wake());
  }

  fireAll(): void {
    for (const path of [...this.#wakers.keys()]) this.fire(path);
  }
}
