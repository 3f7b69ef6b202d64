/** A lock that was got: what `run` hands to its body, and what `acquire` resolves with. */
export interface Lock extends AsyncDisposable {
  /** The keys as the caller gave them, sorted. */
  readonly keys: readonly string[];
  /**
   * Strictly greater than every earlier exclusive holder's of this key. Send it along with every write to the guarded
   * resource, and let the resource refuse a token smaller than the greatest it has seen.
   *
   * @throws LockConfigError with several keys, whose tokens do not compare (see `fencingTokens`), and where conflicts are
   * found at the end instead (optimistic backends)
   */
  readonly fencingToken: bigint;
  /** The fencing token of each key. */
  readonly fencingTokens: ReadonlyMap<string, bigint>;
  /** Aborts, with a `LockLostError` as its reason, once the lock can no longer be trusted. */
  readonly signal: AbortSignal;
  /** Whether the lock is provably ours at this moment: compares the clock with the deadline. */
  readonly held: boolean;
  /** For how long the lock is still provably ours, in ms, if it is not renewed; 0 when lost or released. */
  remainingTime(): number;
  /**
   * Does nothing while the lock is held.
   *
   * @throws LockLostError when it is lost (or released)
   */
  assertHeld(): void;
  /** Gives the lock back. Idempotent; never rejects because the lock was already lost. */
  release(): Promise<void>;
}
