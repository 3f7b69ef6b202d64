import type { LockBackend } from '../core/backend';

/**
 * What not every store can do. A backend that lacks one of these gets other cases in its place: that it refuses the
 * claim as it should, or what it promises instead.
 *
 * - `'acquire'`: excludes others from the start. Without it: optimistic, conflicts come to light at the release.
 * - `'shared'`: grants shared claims. Without it they are refused with `LockConfigError`.
 * - `'permits'`: limits the number of shared holders. Without it such claims are refused with `LockConfigError`.
 * - `'fifo'`: first come, first served between processes. Without it everybody is served, in any order.
 * - `'handoff'`: grants blocks of fencing tokens. Without it every grant has exactly one.
 * - `'leases'`: a grant that is not renewed ends with its ttl, though its process lives on. Without it grants end with
 *   the session of their process.
 */
export type LockBackendCapability = 'acquire' | 'shared' | 'permits' | 'fifo' | 'handoff' | 'leases';

/** What the conformance cases need in order to test a backend: a store, and a hand on its time and its connections. */
export interface LockBackendHarness {
  /**
   * The ttl, in ms, of locks that a case lets run out. As short as the store can take, and long compared with a hiccup of
   * the machine: 2,000 to 3,000 with a server, the session's time-out where there are sessions.
   */
  readonly ttl: number;

  /** How many locks one process may hold at once, where that is less than 120 (a connection each). At least 16. */
  readonly maxHolds?: number;

  /**
   * A fresh backend on the same store, as another process would have it. The case opens and closes it. A store within the
   * process may return the same object each time.
   */
  connect(): Promise<LockBackend>;

  /** Another such backend, whose connection to the store can be cut. */
  connectCuttable(): Promise<CuttableBackend>;

  /** A backend whose store has never answered: nobody listens, or nobody replies. */
  unreachable(): Promise<LockBackend>;

  /** Lets `ms` pass: moves the fake clock that the backend runs on, or really waits. */
  advance(ms: number): Promise<void>;

  /**
   * What is left in the store: holders, waiters, nodes, rows, timers; described for a human reader. Fencing tokens and
   * whatever else outlives a lock on purpose do not count. Must be empty after every case.
   */
  residue(): Promise<readonly string[]>;
}

/** A backend whose connection to the store can be cut. */
export interface CuttableBackend {
  /** Fresh, as from `connect`. */
  readonly backend: LockBackend;
  /** From now on the store neither hears this backend nor answers it; for the store, its process may have died. */
  cut(): Promise<void> | void;
}

/** One thing that a backend must do, for any test runner. */
export interface LockBackendCase {
  /** Unique among the cases. */
  readonly name: string;
  /** The case is about backends that have all of these. */
  readonly needs: readonly LockBackendCapability[];
  /** The case is about backends that do not have this one. */
  readonly lacks?: LockBackendCapability;
  /** Rejects with an `AssertionError` of `node:assert` that says what was expected. */
  run(harness: LockBackendHarness): Promise<void>;
}
