import type { Timer } from '../../lib/core/clock';
import { FakeClock } from '../../lib/testing/fake-clock';

/** More timers than any program has at one time. */
const TOO_MANY = 2_000;

/** A fake clock that lets the model look at the world whenever time has passed, before anybody could act upon it. */
export class ModelClock extends FakeClock {
  /** Counts what happens one after the other: what happens in one round is not ordered. */
  round = 0;
  onTick: () => void = () => {};
  readonly #due = new Map<Timer, number>();
  #ticks = 0;
  #lastTick = 0;
  /** The latest time in which nothing could happen. */
  #stalled = { from: 0, to: 0 };

  /** When the last of the pending timers is due. */
  get lastDue(): number {
    return Math.max(...this.#due.values());
  }

  override setTimeout(callback: () => void, ms: number): Timer {
    const timer = super.setTimeout(() => {
      this.#due.delete(timer);
      this.round++;
      this.#checkProgress();
      this.onTick();
      callback();
    }, ms);
    this.#due.set(timer, this.now() + ms);
    return timer;
  }

  override clearTimeout(timer: Timer): void {
    super.clearTimeout(timer);
    this.#due.delete(timer);
  }

  override stall(ms: number): void {
    const now = this.now();
    this.#stalled = { from: now > this.#stalled.to ? now : this.#stalled.from, to: now + ms };
    super.stall(ms);
  }

  /** When somebody can act upon what happens at that time: not while the event loop is blocked. */
  noticed(time: number): number {
    const { from, to } = this.#stalled;
    return time >= from && time <= to ? to : time;
  }

  /** A timer that starts another one for the same time, again and again, would hang the test. */
  #checkProgress(): void {
    this.#ticks = this.now() === this.#lastTick ? this.#ticks + 1 : 0;
    this.#lastTick = this.now();
    if (this.#ticks > TOO_MANY) throw new Error('(8: end) timers run in circles');
  }

  /** As `advance`, and then until no timer is late any more: bodies stall. */
  async pass(ms: number): Promise<void> {
    let before: number;
    do {
      before = this.now() + ms;
      await this.advance(ms);
      ms = 0;
    } while (this.now() !== before);
    this.round++;
    this.onTick();
  }
}
