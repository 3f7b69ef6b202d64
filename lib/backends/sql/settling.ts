import type { Claim, Grant } from '../../core/backend';
import type { Listener } from '../../core/late-listeners';

/** The answer to a claim, which the abort of its signal may be. */
export class Settling implements Listener {
  readonly result: Promise<Grant | null>;
  isSettled = false;
  #resolve!: (grant: Grant | null) => void;
  #reject!: (reason: unknown) => void;
  #forget: (() => void) | undefined;

  /** @param onAbort - called after the claim was rejected because of its signal */
  constructor(
    private readonly claim: Claim,
    private readonly onAbort: () => void,
  ) {
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  listen(): void {
    if (this.isSettled) return;
    const { signal } = this.claim;
    const abort = (): void => {
      if (this.reject(signal.reason)) this.onAbort();
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    this.#forget = () => signal.removeEventListener('abort', abort);
  }

  /** Returns whether it was not settled before. */
  resolve(grant: Grant | null): boolean {
    if (!this.#settle()) return false;
    this.#resolve(grant);
    return true;
  }

  /** As `resolve`. */
  reject(reason: unknown): boolean {
    if (!this.#settle()) return false;
    this.#reject(reason);
    return true;
  }

  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.#forget?.();
    return true;
  }
}
