import type { Clock } from '../../core/clock';

/**
 * A lower bound of (our monotonic time − the server's time), in ms. With it an expiry on the server's clock becomes a
 * moment on ours that cannot come later than the real one.
 *
 * A reply that carries the server's time was made after its request was sent: `sent − server` is such a bound. Cristian's
 * algorithm ("Probabilistic clock synchronization", 1989) without its upper half, which would not make a lease any safer.
 */
export class ClockBound {
  #best: { bound: number; at: number } | undefined;

  constructor(private readonly clock: Clock) {}

  /** The bound, less what the two clocks may have drifted apart since (1 %); `undefined` while nothing is known. */
  get value(): number | undefined {
    return this.#best && this.#best.bound - (this.clock.now() - this.#best.at) * 0.01;
  }

  /** From a reply: when its request was sent, and the server's time in it. */
  learn(sentAt: number, serverTime: number): void {
    this.check(serverTime);
    const bound = sentAt - serverTime;
    const known = this.value;
    if (known === undefined || bound > known) this.#best = { bound, at: this.clock.now() };
  }

  /** Something with this server's time in it has just come: a clock that was set, or another server, shows in it. */
  check(serverTime: number): void {
    const known = this.value;
    if (known !== undefined && this.clock.now() - serverTime < known) this.forget();
  }

  forget(): void {
    this.#best = undefined;
  }
}
