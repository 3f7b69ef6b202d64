import { randomInt } from 'node:crypto';
import type { Timer } from '../../core/clock';
import type { StrategyContext } from './strategy';

/** How long a lock that nobody tells of is waited for before it is asked for again, in ms: at least, and less than. */
const PROBE = [25, 75] as const;
/** The longest that messages are relied upon, in ms. */
const RELY = 5_000;

/** Somebody who waits. */
export interface Waiting {
  /** Asks for the lock. Resolves to how long it is held at least; `undefined`: this one waits no longer. */
  ask(): Promise<number | undefined>;
}

/**
 * Those who wait for one row in this process, first come, first served. Only the first of them asks, when the lock may be
 * free; when that one has it, the next.
 */
export class WaitingLine {
  readonly #members = new Set<Waiting>();
  readonly #stopListening: () => void;
  #timer: Timer | undefined;
  #isAsking = false;
  #askAgain = false;

  constructor(
    row: string,
    private readonly context: StrategyContext,
    private readonly onEmpty: () => void,
  ) {
    this.#stopListening = context.wakeups.listen(row, () => this.#wake());
  }

  join(member: Waiting): void {
    this.#members.add(member);
    if (this.#members.size === 1) this.#wake(); // it may have got free since it was asked for, before we listened
  }

  leave(member: Waiting): void {
    const [first] = this.#members;
    this.#members.delete(member);
    if (this.#members.size === 0) this.#end();
    else if (first === member) this.#wake();
  }

  #end(): void {
    this.#stopTimer();
    this.#stopListening();
    this.onEmpty();
  }

  #wake(): void {
    this.#stopTimer();
    if (this.#isAsking) this.#askAgain = true;
    else void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    let heldFor: number | undefined;
    let first: Waiting | undefined;
    do {
      this.#askAgain = false;
      [first] = this.#members;
      heldFor = await first?.ask();
    } while (this.#askAgain && this.#members.size > 0);
    this.#isAsking = false;
    if (first && this.#members.has(first)) this.#sleep(heldFor ?? 0);
    else if (this.#members.size > 0) this.#wake();
  }

  #sleep(heldFor: number): void {
    const { clock, wakeups } = this.context;
    const longest = wakeups.areReliable ? RELY : randomInt(...PROBE);
    this.#timer = clock.setTimeout(() => this.#wake(), Math.min(heldFor + 1, longest));
  }

  #stopTimer(): void {
    if (this.#timer) this.context.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
