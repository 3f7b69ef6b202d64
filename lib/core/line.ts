import type { QueueClaim } from './claim';
import type { Shape } from './lease';
import { sameShape } from './lease';
import type { Waiter } from './waiter';

/** Neighbours in a line that the same grant could serve, and the claims that the line has in the store for them. */
export interface Group {
  readonly shape: Shape;
  readonly waiters: Set<Waiter>;
  readonly claims: Set<QueueClaim>;
}

/** Those who wait for one key, in the order of their arrival, as groups of one shape. */
export class Line {
  readonly #groups: Group[] = [];

  get front(): Group | undefined {
    return this.#groups[0];
  }

  /** A copy: what is done with the groups may change the line. */
  get groups(): readonly Group[] {
    return [...this.#groups];
  }

  /** Adds to the last group, or to a new one behind it. */
  join(waiter: Waiter): void {
    let group = this.#groups.at(-1);
    if (!group || !sameShape(group.shape, waiter.request.shape)) {
      group = { shape: waiter.request.shape, waiters: new Set(), claims: new Set() };
      this.#groups.push(group);
    }
    group.waiters.add(waiter);
  }

  leave(waiter: Waiter): void {
    for (const { waiters } of this.#groups) {
      if (waiters.delete(waiter)) return;
    }
  }

  /**
   * Takes out the groups that nobody is left in. What they had separated becomes one group, with the claims of its front
   * part, so that nobody's place in the store is lost.
   */
  prune(onEmpty: (group: Group) => void): void {
    for (let i = this.#groups.length - 1; i >= 0; i--) {
      const group = this.#groups[i]!;
      if (group.waiters.size > 0) continue;
      onEmpty(group);
      this.#groups.splice(i, 1);
      const before = this.#groups[i - 1];
      const behind = this.#groups[i];
      if (!before || !behind || !sameShape(before.shape, behind.shape)) continue;
      for (const waiter of behind.waiters) before.waiters.add(waiter);
      this.#groups.splice(i, 1);
    }
  }
}
