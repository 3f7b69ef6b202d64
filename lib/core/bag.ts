/** Something that can be in a `Bag`. */
export interface Bagged {
  /** Where it is in its bag, which alone writes this; -1 if it is in none. */
  bagIndex: number;
}

/**
 * Things in no order, each at most once. For what comes and goes with each lock: a `Set` or `Map` of V8 that lives long makes
 * a new table of entries now and then, and the old one points to the new one. So an old table that is garbage, but was moved
 * to the old generation, keeps all later ones, with everything in them, until the whole heap is collected: a third of the time
 * went into that.
 */
export class Bag<T extends Bagged> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  has(item: T): boolean {
    return this.#items[item.bagIndex] === item;
  }

  add(item: T): void {
    if (this.has(item)) return;
    item.bagIndex = this.#items.length;
    this.#items.push(item);
  }

  /** Does nothing if it is not in it. */
  delete(item: T): void {
    if (!this.has(item)) return;
    const last = this.#items.pop()!;
    if (last !== item) {
      this.#items[item.bagIndex] = last;
      last.bagIndex = item.bagIndex;
    }
    item.bagIndex = -1;
  }

  clear(): void {
    for (const item of this) this.delete(item);
  }

  /** All that are in it at the beginning, but for those that are taken out before their turn. */
  *[Symbol.iterator](): Generator<T> {
    for (const item of [...this.#items]) if (this.has(item)) yield item;
  }
}
