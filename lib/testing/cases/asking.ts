import type { Claim, Grant, LockBackend } from '../../core/backend';

/** @internal A claim on its way, and what has become of it. */
export class Asking {
  readonly claim: Claim;
  /** May be left alone: a rejection that nobody looks at is not reported as unhandled. */
  readonly result: Promise<Grant | null>;
  /** How often the store has said that the claim waits. */
  contended = 0;
  /** `'been granted'`, `'been refused'`, `'failed: …'`; `undefined` while it is on its way. */
  outcome: string | undefined;
  readonly #controller = new AbortController();

  /** @param onContended - called while the store says so */
  constructor(
    backend: LockBackend,
    terms: Omit<Claim, 'signal' | 'contended'>,
    onContended?: (asking: Asking) => void,
  ) {
    const contended = (): void => {
      this.contended++;
      onContended?.(this);
    };
    this.claim = { ...terms, signal: this.#controller.signal, contended };
    this.result = backend.acquire(this.claim);
    this.result.then(
      (grant) => (this.outcome = grant ? 'been granted' : 'been refused'),
      (error: unknown) => (this.outcome = `failed: ${String(error)}`),
    );
  }

  get isSettled(): boolean {
    return this.outcome !== undefined;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  toString(): string {
    const { key, mode, permits, wait } = this.claim;
    const limit = mode === 'shared' && permits !== Infinity ? ` (permits ${permits})` : '';
    return `a ${wait ? 'waiting ' : ''}${mode} claim${limit} of ${JSON.stringify(key.slice(0, 60))}`;
  }
}
