import { AsyncResource } from 'node:async_hooks';
import { setMaxListeners } from 'node:events';
import type { Grant, Loss, Outcome, ReleaseAnswer } from './backend';
import type { Bag, Bagged } from './bag';
import type { Clock, Timer } from './clock';
import { LockConfigError, LockLostError, LockTransactionError } from './errors';
import type { LockEvents } from './events';
import type { Lease } from './lease';
import type { LocalQueue } from './local-queue';
import type { Lock } from './lock';
import type { Terms } from './options';

/** What a hold needs of its service. */
export interface HoldContext {
  readonly clock: Clock;
  readonly events: LockEvents;
  /** All holds that are not over: a hold adds and removes itself. */
  readonly holds: Bag<Hold>;
  /** A hold is over, or has nothing left to do but to run out. */
  readonly onSettled: () => void;
  /** See `LockBackend.transactional`. */
  readonly isTransactional: boolean;
}

/** How a hold ended; `'unknown'` when the store did not say. */
export type EndAnswer = ReleaseAnswer | 'unknown';

const RELEASED: Promise<EndAnswer> = Promise.resolve('released');
const LOST: Promise<EndAnswer> = Promise.resolve('lost');
const UNKNOWN: Promise<EndAnswer> = Promise.resolve('unknown');

/**
 * One caller's hold of one key: one turn on a lease, from the grant to the end that its caller, its terms or a loss bring.
 *
 * What the caller sees (`Lock`), who is inside, and the ways to end are together here, since each looks at the same few
 * fields: the loss, the end, and the timer.
 */
export class Hold implements Lock, Bagged {
  readonly keys: readonly string[];
  // Private at run time too: a lock that is logged or serialised must not show its backend.
  readonly #lease: Lease;
  readonly #queue: LocalQueue;
  readonly #terms: Terms;
  readonly #context: HoldContext;
  readonly #fence: bigint | undefined;
  /** When it was got, on the clock. */
  readonly since: number;
  readonly #until: number;
  #loss: Loss | undefined;
  #sections = 0;
  #onEmpty: (() => void) | undefined;
  #end: Promise<EndAnswer> | undefined;
  #runsOut = false;
  #bagIndex = -1;
  /** At first `maxHold`, then the time to free the lock under a body that hangs; after the end, `minHold`. */
  #timer: Timer | undefined;
  #controller: AbortController | undefined;
  /** Bound, so that listeners run in the async context of those who asked for the signal, not of a timer. */
  #abort: ((error: LockLostError) => void) | undefined;

  constructor(
    readonly key: string,
    lease: Lease,
    queue: LocalQueue,
    terms: Terms,
    context: HoldContext,
  ) {
    this.#lease = lease;
    this.#queue = queue;
    this.#terms = terms;
    this.#context = context;
    this.keys = [key];
    this.#fence = lease.fence;
    this.since = context.clock.now();
    this.#until = this.since + terms.maxHold;
    context.holds.add(this);
    lease.holder = this;
    if (lease.loss) this.onLoss(lease.loss);
    if (terms.maxHold !== Infinity) this.#after(terms.maxHold, () => this.#onMaxHold());
  }

  get bagIndex(): number {
    return this.#bagIndex;
  }

  set bagIndex(index: number) {
    this.#bagIndex = index;
  }

  get fencingToken(): bigint {
    if (this.#fence !== undefined) return this.#fence;
    throw new LockConfigError(
      `Lock "${this.key}" has no fencing token: its backend finds conflicts at the end instead.`,
    );
  }

  get fencingTokens(): ReadonlyMap<string, bigint> {
    return new Map(this.#fence === undefined ? [] : [[this.key, this.#fence]]);
  }

  get mode(): Terms['mode'] {
    return this.#terms.mode;
  }

  get isTransactional(): boolean {
    return this.#context.isTransactional;
  }

  /** What the store gave. @throws LockLostError when it is not held (any more) */
  get grant(): Grant {
    this.assertHeld();
    return this.#lease.grant;
  }

  /** Whether a section that got or joined it still runs. */
  get isEntered(): boolean {
    return this.#sections > 0;
  }

  enter(): void {
    this.#sections++;
  }

  leave(): void {
    if (--this.#sections === 0) this.#onEmpty?.();
  }

  /** Resolves when the sections that are still inside have left. */
  empty(): Promise<void> {
    return new Promise((resolve) => (this.#onEmpty = resolve));
  }

  /** A shutdown need not wait for it: it only runs out (`minHold`), or is a handle that was lost and never given back. */
  get isSettled(): boolean {
    return this.#runsOut || (this.#sections === 0 && this.loss !== undefined);
  }

  /** It was given back: by its caller, or by the last section that got or joined it. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Why the lock was lost, found out at this moment; `undefined` while it is held, or if it was until its end. */
  get loss(): Loss | undefined {
    if (this.#loss || this.#end) return this.#loss;
    const now = this.#context.clock.now();
    if (now >= this.#until) this.lose('maxHold');
    else this.#lease.isValid(now); // says so to onLoss
    return this.#loss;
  }

  get held(): boolean {
    return this.#end === undefined && this.loss === undefined;
  }

  get signal(): AbortSignal {
    const { loss } = this;
    if (!this.#controller) {
      this.#controller = new AbortController();
      setMaxListeners(0, this.#controller.signal);
      this.#abort = AsyncResource.bind((error: LockLostError) => this.#controller!.abort(error));
      if (loss) this.#abort(this.lostError());
    }
    return this.#controller.signal;
  }

  remainingTime(): number {
    if (!this.held) return 0;
    return Math.max(0, Math.min(this.#lease.validUntil, this.#until) - this.#context.clock.now());
  }

  assertHeld(): void {
    if (!this.held) throw this.lostError();
  }

  /** Does nothing in a section that has joined the hold, or been joined: the last one to end gives it back. */
  async release(): Promise<void> {
    if (this.#sections <= 1) await this.end({ ok: true });
  }

  /** Nothing to let go of; as `LockSet.detach`. */
  detach(): void {}

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  lostError(result?: unknown): LockLostError {
    const { reason, cause } = this.#loss ?? { reason: 'released' as const };
    return new LockLostError(this.key, { reason, cause, result });
  }

  /** Ends the trust in this lock and its renewal. The store is not touched: the body must settle first. */
  lose(reason: Loss['reason']): void {
    this.#lease.retired = true;
    this.onLoss({ reason });
  }

  /** Gives the lock back, once. @throws why the transaction was not committed, if it is one */
  end(outcome: Outcome): Promise<EndAnswer> {
    return (this.#end ??= this.#finish(outcome));
  }

  /** Gives back what was never used: `minHold` is for work that was done. */
  undo(error: unknown): void {
    void (this.#end ??= this.#finish({ error }, 0));
  }

  /** Nobody has to wait for it any more: it was given back, or is left to its ttl. */
  settle(): void {
    this.#stopTimer();
    this.#context.holds.delete(this);
    this.#context.onSettled();
  }

  #finish(outcome: Outcome, minHold = this.#terms.minHold): Promise<EndAnswer> {
    const { loss } = this;
    this.#stopTimer();
    if (loss) {
      // It may still be ours in the store. Nobody waits for an answer about that, unless we gave it up ourselves.
      const freed = this.#free({ error: this.lostError() });
      return loss.reason === 'maxHold' ? freed.then(() => LOST) : LOST;
    }
    const early = minHold === 0 ? 0 : this.since + minHold - this.#context.clock.now();
    if (early <= 0) return this.#free(outcome);
    this.#after(early, () => void this.#free(outcome));
    this.#runsOut = true;
    this.#context.onSettled();
    return RELEASED;
  }

  #free(outcome: Outcome): Promise<EndAnswer> {
    if (!this.#context.holds.has(this)) return this.#freeAbandoned();
    const [lease, queue, context] = [this.#lease, this.#queue, this.#context];
    lease.holder = undefined;
    if (queue.handOff(lease)) {
      context.events.released(this, lease);
      this.settle();
      return RELEASED;
    }
    return queue.giveBack(lease, outcome).then(
      (answer) => this.#onAnswer(answer),
      (error: unknown) => {
        const isCommit = context.isTransactional && 'ok' in outcome;
        if (!this.#loss && !isCommit) context.events.releaseFailed(lease, error, this);
        this.#onAnswer('unknown');
        if (isCommit) throw ofCaller(error, this.key);
        return 'unknown';
      },
    );
  }

  /** The shutdown has left it to its ttl; a transaction is rolled back now, since it has a connection. */
  #freeAbandoned(): Promise<EndAnswer> {
    if (this.#context.isTransactional) this.#lease.grant.release({ error: this.lostError() }).catch(() => undefined);
    return UNKNOWN;
  }

  #onAnswer(answer: EndAnswer): EndAnswer {
    if (this.#end) this.settle(); // not yet, if it was taken from a body that hangs
    if (answer === 'lost' && !this.#loss) this.onLoss({ reason: 'stolen' });
    else if (answer !== 'unknown' && !this.#loss) this.#context.events.released(this, this.#lease);
    return answer;
  }

  #onMaxHold(): void {
    this.lose('maxHold');
    // Stores whose leases end with a session would never free it under a body that hangs.
    this.#after(this.#terms.ttl, () => void this.#free({ error: this.lostError() }));
  }

  /** For the lease. */
  onLoss(loss: Loss): void {
    if (this.#loss) return;
    this.#loss = loss;
    this.#context.events.lost(this.#lease, loss, this);
    this.#abort?.(this.lostError());
    this.#context.onSettled();
  }

  #after(ms: number, callback: () => void): void {
    this.#timer = this.#context.clock.setTimeout(callback, Math.ceil(ms));
    this.#timer.unref?.();
  }

  #stopTimer(): void {
    if (this.#timer) this.#context.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** The error as the caller sees it: with the caller's key. */
function ofCaller(error: unknown, key: string): unknown {
  if (!(error instanceof LockTransactionError)) return error;
  const { message, outcome, cause } = error;
  return new LockTransactionError(`Lock "${key}": ${message}`, { key, outcome, cause });
}
