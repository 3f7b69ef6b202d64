import { AsyncLocalStorage } from 'node:async_hooks';
import type { Hold } from './hold';
import type { LockSet } from './lock-set';

/** A running body: what it holds, and inside which other body it runs. */
export interface Section {
  readonly lock: Hold | LockSet;
  readonly holds: readonly Hold[];
  readonly outer: Section | undefined;
}

/** Knows, per async path, which sections it is inside of. A section that has ended is not seen any more. */
export class Sections {
  readonly #storage = new AsyncLocalStorage<Section>();

  /** The innermost running section, or the innermost one that holds the key. */
  find(key?: string): { lock: Hold | LockSet; hold: Hold } | undefined {
    for (let section = this.#storage.getStore(); section; section = section.outer) {
      if (!section.holds.every(isInside)) continue;
      const hold = key === undefined ? section.holds[0] : section.holds.find((each) => each.key === key);
      if (hold) return { lock: section.lock, hold };
    }
    return undefined;
  }

  enter<T>(section: Omit<Section, 'outer'>, body: () => T): T {
    return this.#storage.run({ ...section, outer: this.#storage.getStore() }, body);
  }
}

function isInside(hold: Hold): boolean {
  return hold.isInside;
}
