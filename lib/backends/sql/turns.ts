/** Somebody who wants to ask for a row. */
export interface Taker {
  /** It is its turn. */
  start(): void;
  /** The row is held, or waited for, by one who came before. */
  wait(): void;
}

interface Turn {
  readonly queue: Set<Taker>;
  isHeld: boolean;
}

/** One at a time for each row, so that a process has one connection for it however many want it. */
export class Turns {
  readonly #turns = new Map<string, Turn>();

  /** Whether somebody is known to hold the row, or to wait for another who does. */
  isHeld(row: string): boolean {
    return this.#turns.get(row)?.isHeld === true;
  }

  enter(row: string, taker: Taker): void {
    const turn = this.#turns.get(row);
    if (!turn) {
      this.#turns.set(row, { queue: new Set(), isHeld: false });
      return taker.start();
    }
    turn.queue.add(taker);
    if (turn.isHeld) taker.wait();
  }

  /** Whoever's turn it is holds it, or waits for another who does. */
  held(row: string): void {
    const turn = this.#turns.get(row)!;
    if (turn.isHeld) return;
    turn.isHeld = true;
    for (const taker of turn.queue) taker.wait();
  }

  /** Gives up before its turn has come. Returns whether it had not. */
  withdraw(row: string, taker: Taker): boolean {
    return this.#turns.get(row)?.queue.delete(taker) === true;
  }

  /** Its turn is over. */
  leave(row: string): void {
    const turn = this.#turns.get(row)!;
    const [next] = turn.queue;
    if (!next) return void this.#turns.delete(row);
    turn.queue.delete(next);
    turn.isHeld = false;
    next.start();
  }
}
