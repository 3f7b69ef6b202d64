import type { Clock } from './clock';
import type { LockLostReason } from './errors';

/**
 * What a store must be able to do to serve locks. Queues within the process, deadlines, renewal, re-entry and the rules
 * of outcome are the core's work; a backend only knows how its store grants, renews and frees.
 *
 * Every method may be called many times at once. A backend never throws synchronously.
 */
export interface LockBackend {
  /** Shown to operators: `'memory'`, `'redis'`. */
  readonly name: string;

  /** The clock that `Grant.validUntil` is on. Default: the system's monotonic one. */
  readonly clock?: Clock;

  /**
   * Only for stores that find conflicts at the end instead of excluding from the start: how often `run` runs its body at
   * most, when `Grant.release` answers `'conflict'`. `acquire` and `tryAcquire` are refused then: their caller could not be
   * run again.
   */
  readonly attempts?: number;

  /**
   * Only for stores whose grant is a transaction that the body writes through: `release` with `{ ok: true }` commits it, and
   * rejects with the reason when it was not, or perhaps not, committed. `run` then rejects with that reason, since the
   * commit is a part of the body; `minHold` is refused, since the body's result is not known before the commit.
   */
  readonly transactional?: boolean;

  /**
   * Grants the claim, or waits for its turn in the store's own queue while `claim.wait`.
   *
   * - Resolves with `null` only if the lock is held by another (or others are ahead) and `claim.wait` is false.
   * - Calls `claim.contended()` as soon as the store has said that the claim has to wait. Until then the caller's
   *   `waitTimeout` does not end the call: a store that does not answer is unavailable, not busy.
   * - Rejects at once with `claim.signal.reason` when that signal aborts, and then sees to it in the background that the
   *   claim neither holds nor waits any more: not before its own answer or failure, and until it cannot be held.
   * - Rejects with `LockUnavailableError` when the store failed or did not answer in time, and with `LockConfigError`
   *   when it cannot grant such a claim at all.
   * - Is never called with a signal that has aborted already.
   * - Is idempotent for `claim.holder`: asked again by the holder, it grants again for the full ttl.
   */
  acquire(claim: Claim): Promise<Grant | null>;

  /**
   * Renews many at once, each for its full ttl: compare-and-set on the holder, never an upsert. One answer each, in
   * order: the new `validUntil`, `null` for "not ours any more", `undefined` for "could not find out". May reject instead when
   * nothing could be found out: a loss that comes of it then tells the reason as its cause.
   */
  renew(grants: readonly Grant[]): Promise<readonly (number | null | undefined)[]>;

  /**
   * Called at boot, once for all who share the backend; again if it is used again after `close`. Rejects when it can never
   * work (driver missing, wrong password, a read-only replica); resolves with a warning to show when it cannot work yet
   * (nobody answers).
   */
  open?(): Promise<void | string>;

  /** Called once, after the last use. Closes what the backend opened itself, nothing else. */
  close?(): Promise<void>;
}

/** One attempt to get a lock. Not a plain object: pass it on as it is, or read what you need; `{ ...claim }` loses parts. */
export interface Claim {
  /** The key with its prefix. */
  readonly key: string;
  /** Random 128-bit id of this attempt. */
  readonly holder: string;
  /** Whether anybody else may hold it at the same time. */
  readonly mode: LockMode;
  /** How many shared holders there may be at most; `Infinity` without a limit. Always 1 for exclusive claims. */
  readonly permits: number;
  /** How long the grant outlives its last renewal, in ms. */
  readonly ttl: number;
  /** How many fencing tokens in a row are wanted, at least 1. The store may grant fewer. */
  readonly fences: number;
  /** Whether to queue while the lock is held. */
  readonly wait: boolean;
  /** Aborts when nobody wants the lock any more. */
  readonly signal: AbortSignal;
  /** Shown to operators who look into the store. */
  readonly label?: string | undefined;
  /** The store has said that the lock is held and that the claim waits. May be called more than once. */
  contended(): void;
}

/** `'exclusive'`: nobody else. `'shared'`: any number of shared holders, or as many as `permits`. */
export type LockMode = 'exclusive' | 'shared';

/** A lock as the store gave it. */
export interface Grant {
  /** First fencing token of the block. Greater than every token of every earlier exclusive holder of the key. */
  readonly fence: bigint;
  /**
   * How many tokens, from `fence` on, belong to this grant: it may pass through so many hands within the process. 0 from a
   * store that finds conflicts at the end: such grants have no token at all.
   */
  readonly fences: number;
  /** Until when the lock is provably ours, on the backend's clock. See {@link provableUntil}. */
  readonly validUntil: number;
  /**
   * Takes note of who is to hear of a loss that the backend learns of by itself: session ended, connection gone, record
   * deleted by an operator. The listener is called once, as soon as that is known, and at once if it is known already; not
   * any more after `release`. Is called once at most.
   */
  whenLost?(listener: (loss: Loss) => void): void;
  /**
   * Gives the lock back. Idempotent. Resolves with `'lost'` if it was not ours any more, with `'conflict'` if the body
   * must be run again, whether it has failed or not; rejects if it could not be found out. See also
   * {@link LockBackend.transactional}.
   */
  release(outcome: Outcome): Promise<ReleaseAnswer>;
}

/** Why a lock ended before its time, and what the backend had to say about it. */
export interface Loss {
  /** From a backend: `'session'` for a session or connection that has ended, `'stolen'` for a record that is gone. */
  readonly reason: LockLostReason;
  /** The error that the backend learned of it by, if there was one: the `cause` of the `LockLostError`. */
  readonly cause?: unknown;
}

/** How the body ended. A transaction commits on `ok` and rolls back on `error`. */
export type Outcome = { readonly ok: true } | { readonly error: unknown };

/** What became of a grant that was given back. See {@link Grant.release}. */
export type ReleaseAnswer = 'released' | 'lost' | 'conflict';

/**
 * Until when a lease is provably ours: counted from *before* the granting or renewing request was sent, less a margin of
 * 1 % of the ttl and 2 ms for clocks that run at different rates.
 *
 * @param sentAt - the backend's clock just before the request was sent, in ms
 * @param ttl - in ms
 */
export function provableUntil(sentAt: number, ttl: number): number {
  return sentAt + ttl - (ttl * 0.01 + 2);
}
