import type { Claim } from '../../core/backend';
import type { Clock } from '../../core/clock';
import { Errands } from '../../core/errands';
import type { Call } from './call';
import type { Commands } from './commands';
import { isFinal } from './failures';
import { idOf, keysOf } from './keys';

/** How soon a withdrawal that failed is tried again, in ms. */
const RETRY_AFTER = 250;

/** Sees to it, in the background, that nothing is left of claims that nobody wants any more. */
export class Withdrawals {
  readonly #errands = new Errands();
  #isClosed = false;

  constructor(
    private readonly commands: Commands,
    private readonly clock: Clock,
  ) {}

  get areDone(): boolean {
    return this.#errands.areDone;
  }

  /** @param call - the last one that was about the claim: it may still be on its way */
  add(claim: Claim, call: Call): void {
    void this.#errands.see(this.#withdraw(claim, call));
  }

  settled(): Promise<void> {
    return this.#errands.settled();
  }

  /** What has not been done by now is left to its ttl. */
  close(): void {
    this.#isClosed = true;
  }

  /** Tries until the server has said that it is done, or will not do it, or it cannot hold or wait any more by itself. */
  async #withdraw(claim: Claim, call: Call): Promise<void> {
    const { key, ttl } = claim;
    await call.ended;
    const until = this.clock.now() + 2 * Math.max(ttl, 1_000);
    while (!this.#isClosed && this.clock.now() < until) {
      try {
        await this.commands.request(keysOf(key), ['release', idOf(claim)]);
        return;
      } catch (error) {
        const { cause } = error as Error;
        if (cause !== undefined && isFinal(cause)) return;
        await new Promise((resolve) => this.clock.setTimeout(() => resolve(undefined), RETRY_AFTER).unref?.());
      }
    }
  }
}
