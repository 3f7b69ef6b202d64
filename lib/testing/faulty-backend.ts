import type { Claim, Grant, LockBackend, Loss, Outcome, ReleaseAnswer } from '../core/backend';
import type { Clock } from '../core/clock';
import { systemClock } from '../core/clock';
import { LockUnavailableError } from '../core/errors';
import { deriveClaim } from './derive-claim';

/** What goes wrong with one kind of request. Everything may be combined; nothing means that all goes well. */
export interface Fault {
  /** How much later the request reaches the store, in ms. */
  readonly delayRequest?: number;
  /** How much later the reply comes, in ms. */
  readonly delayReply?: number;
  /**
   * `'request'`: the store never hears of it. `'reply'`: the store does it and the caller is not told; a lock that was
   * granted then stays taken until its ttl ends. Both end as when a store does not answer: `LockUnavailableError`, for
   * renewals `undefined`.
   */
  readonly lose?: 'request' | 'reply';
  /** What the request rejects with, without reaching the store. */
  readonly reject?: unknown;
}

/** What goes wrong with each kind of request. */
export interface BackendFaults {
  /** With claims. */
  acquire?: Fault;
  /** With renewals, each of which is for many grants. */
  renew?: Fault;
  /** With the end of grants. */
  release?: Fault;
}

/**
 * The backend with faults, for tests of what happens when the store is slow, unreachable or loses replies.
 *
 * @param faults - read anew at every request, so that a test can change them as it goes
 *
 * @example
 * const faults: BackendFaults = {};
 * const locks = new LockService({ backend: faultyBackend(memoryBackend(), faults) });
 * faults.renew = { lose: 'reply' };
 */
export function faultyBackend(inner: LockBackend, faults: BackendFaults): LockBackend {
  return new FaultyBackend(inner, faults);
}

class FaultyBackend implements LockBackend {
  readonly name: string;
  readonly clock: Clock;
  readonly attempts: number | undefined;
  readonly transactional: boolean;
  readonly open?: () => Promise<void | string>;
  readonly close?: () => Promise<void>;

  constructor(
    private readonly inner: LockBackend,
    private readonly faults: BackendFaults,
  ) {
    this.name = inner.name;
    this.clock = inner.clock ?? systemClock;
    this.attempts = inner.attempts;
    this.transactional = inner.transactional === true;
    if (inner.open) this.open = () => inner.open!();
    if (inner.close) this.close = () => inner.close!();
  }

  async acquire(claim: Claim): Promise<Grant | null> {
    claim.signal.throwIfAborted();
    const fault = this.faults.acquire;
    const contended = (): void => {
      if (!fault?.lose) claim.contended();
    };
    const asked = this.#pass(fault, async () => {
      claim.signal.throwIfAborted();
      const grant = await this.inner.acquire(deriveClaim(claim, { contended }));
      return (
        grant && new FaultyGrant(grant, (outcome) => this.#pass(this.faults.release, () => grant.release(outcome)))
      );
    });
    return unlessAborted(claim.signal, asked);
  }

  async renew(grants: readonly Grant[]): Promise<readonly (number | null | undefined)[]> {
    const fault = this.faults.renew;
    const renewed = this.#pass(fault, () => this.inner.renew(grants.map((grant) => (grant as FaultyGrant).inner)));
    return fault?.lose ? renewed.catch(() => grants.map(() => undefined)) : renewed;
  }

  async #pass<T>(fault: Fault = {}, request: () => Promise<T>): Promise<T> {
    if ('reject' in fault) throw fault.reject;
    await this.#delay(fault.delayRequest);
    if (fault.lose === 'request') throw new LockUnavailableError('the request was lost on purpose');
    const reply = await request();
    await this.#delay(fault.delayReply);
    if (fault.lose === 'reply') throw new LockUnavailableError('the reply was lost on purpose');
    return reply;
  }

  async #delay(ms: number | undefined): Promise<void> {
    if (ms !== undefined) await new Promise<void>((resolve) => this.clock.setTimeout(resolve, ms));
  }
}

class FaultyGrant implements Grant {
  readonly fence: bigint;
  readonly fences: number;
  readonly validUntil: number;
  #released: Promise<ReleaseAnswer> | undefined;

  constructor(
    readonly inner: Grant,
    private readonly giveBack: (outcome: Outcome) => Promise<ReleaseAnswer>,
  ) {
    ({ fence: this.fence, fences: this.fences, validUntil: this.validUntil } = inner);
  }

  whenLost(listener: (loss: Loss) => void): void {
    this.inner.whenLost?.(listener);
  }

  release(outcome: Outcome): Promise<ReleaseAnswer> {
    // A failed release may be tried again; one that was answered, or is on its way, is not repeated.
    this.#released ??= this.giveBack(outcome).catch((error: unknown) => {
      this.#released = undefined;
      throw error;
    });
    return this.#released;
  }
}

/** Rejects at once when the signal aborts; a grant that comes later is given back. */
function unlessAborted(signal: AbortSignal, asked: Promise<Grant | null>): Promise<Grant | null> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
      asked.then((late) => late?.release({ error: signal.reason })).catch(() => undefined);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    asked.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
