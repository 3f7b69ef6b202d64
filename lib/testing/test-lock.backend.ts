import { randomUUID } from 'node:crypto';
import { memoryBackend } from '../backends/memory/memory.backend';
import type { Claim, Grant, LockBackend, LockMode, Loss, Outcome, ReleaseAnswer } from '../core/backend';
import type { Clock } from '../core/clock';
import { MAX_TIMER_MS, systemClock } from '../core/clock';
import { LockUnavailableError } from '../core/errors';
import { deriveClaim } from './derive-claim';

/** Options of `TestLockBackend`. */
export interface TestLockBackendOptions {
  /** What time it is; a `FakeClock` for tests without sleeps. Default: the system's. */
  readonly clock?: Clock;
  /** The `prefix` of the module under test. Default: `'nestlock:'`. */
  readonly prefix?: string;
}

/** How another process holds a lock. */
export interface ElsewhereOptions {
  /** Default: `'exclusive'`, or `'shared'` with `permits`. */
  readonly mode?: LockMode;
  /** It is one of so many shared holders at most. Default: no limit. */
  readonly permits?: number;
  /** After how many ms the other process dies without releasing. Default: it holds until it is told to let go. */
  readonly ttl?: number;
}

/**
 * A backend for the tests of applications: in memory, without a server, and with a hand on everything that can go wrong.
 * Keys are given without the module's prefix.
 *
 * @example
 * const backend = new TestLockBackend();
 * const letGo = await backend.holdElsewhere('order:7'); // as another instance of the application would
 * await expect(orders.ship(7)).rejects.toThrow(LockTimeoutError);
 * await letGo();
 */
export class TestLockBackend implements LockBackend {
  readonly name = 'test';
  readonly clock: Clock;
  readonly #prefix: string;
  readonly #store: LockBackend;
  /** Held by the application. */
  readonly #ours = new Set<TestGrant>();
  /** Held elsewhere. */
  readonly #theirs = new Set<TestGrant>();
  readonly #asked: Claim[] = [];
  readonly #acquired: Claim[] = [];
  /** Aborted while the store is down. */
  #down = new AbortController();

  constructor({ clock = systemClock, prefix = 'nestlock:' }: TestLockBackendOptions = {}) {
    this.clock = clock;
    this.#prefix = prefix;
    this.#store = memoryBackend({ clock });
  }

  /**
   * Takes the lock as another process would; waits if it is held.
   *
   * @returns what lets it go again
   */
  async holdElsewhere(
    key: string,
    { mode, permits, ttl = MAX_TIMER_MS }: ElsewhereOptions = {},
  ): Promise<() => Promise<void>> {
    const isShared = mode === 'shared' || permits !== undefined;
    const grant = await this.#take({
      key: this.#prefix + key,
      holder: randomUUID(),
      mode: isShared ? 'shared' : 'exclusive',
      permits: permits ?? (isShared ? Infinity : 1),
      ttl,
      fences: 1,
      wait: true,
      signal: new AbortController().signal,
      contended: () => undefined,
    });
    this.#theirs.add(grant!);
    return async () => {
      this.#theirs.delete(grant!);
      await grant!.inner.release({ ok: true });
    };
  }

  /** The store gives the lock to somebody else: whoever holds it in the application learns of it at once. */
  lose(key: string): void {
    for (const grant of this.#of(key, this.#ours)) {
      grant.lose({ reason: 'stolen' }); // first: the next may get it at once
      grant.forget();
    }
  }

  /**
   * The ttl of everybody who holds the lock is over: the next can get it. They learn of it at their next renewal, from
   * `assertHeld()` once their ttl has passed on the clock, or from the answer to their release.
   */
  expire(key: string): void {
    for (const grant of this.#of(key, this.#ours, this.#theirs)) grant.forget();
  }

  /** From now on the store does not answer: claims are `LockUnavailableError`, also those that wait; renewals unknown. */
  goDown(): void {
    this.#down.abort(new LockUnavailableError('the test backend is down'));
  }

  /** The store answers again, and has forgotten nothing. */
  comeUp(): void {
    if (this.#down.signal.aborted) this.#down = new AbortController();
  }

  /**
   * The claims of the application for this lock, in order. Callers who wait for the same lock in one process share a
   * claim, and may pass a granted lock on among themselves: the number of claims is not the number of callers.
   */
  asked(key: string): readonly Claim[] {
    return this.#asked.filter((claim) => claim.key === this.#prefix + key);
  }

  /** Those of them that were granted, in the order of the grants. */
  acquired(key: string): readonly Claim[] {
    return this.#acquired.filter((claim) => claim.key === this.#prefix + key);
  }

  async acquire(claim: Claim): Promise<Grant | null> {
    claim.signal.throwIfAborted();
    this.#asked.push(claim);
    const signal = AbortSignal.any([claim.signal, this.#down.signal]);
    signal.throwIfAborted();
    const grant = await this.#take(deriveClaim(claim, { signal }));
    if (!grant) return null;
    this.#ours.add(grant);
    this.#acquired.push(claim);
    return grant;
  }

  async renew(grants: readonly Grant[]): Promise<readonly (number | null | undefined)[]> {
    if (this.#down.signal.aborted) return grants.map(() => undefined);
    return Promise.all((grants as readonly TestGrant[]).map((grant) => grant.renew()));
  }

  async #take(claim: Claim): Promise<TestGrant | null> {
    const inner = await this.#store.acquire(claim);
    if (!inner) return null;
    const grant = new TestGrant(claim.key, inner, this.#store, () => {
      this.#down.signal.throwIfAborted();
      this.#ours.delete(grant);
      this.#theirs.delete(grant);
    });
    return grant;
  }

  #of(key: string, ...holders: readonly ReadonlySet<TestGrant>[]): readonly TestGrant[] {
    return holders.flatMap((grants) => [...grants].filter((grant) => grant.key === this.#prefix + key));
  }
}

class TestGrant implements Grant {
  readonly fence: bigint;
  readonly fences: number;
  readonly validUntil: number;
  #loss: Loss | undefined;
  #listener: ((loss: Loss) => void) | undefined;
  #isForgotten = false;

  constructor(
    readonly key: string,
    readonly inner: Grant,
    private readonly store: LockBackend,
    private readonly onRelease: () => void,
  ) {
    this.fence = inner.fence;
    this.fences = inner.fences;
    this.validUntil = inner.validUntil;
  }

  whenLost(listener: (loss: Loss) => void): void {
    if (this.#loss) listener(this.#loss);
    else this.#listener = listener;
  }

  lose(loss: Loss): void {
    this.#loss = loss;
    this.#listener?.(loss);
  }

  /** The store knows nothing of it any more, and serves the next. */
  forget(): void {
    this.#isForgotten = true;
    void this.inner.release({ ok: true });
  }

  async renew(): Promise<number | null | undefined> {
    if (this.#isForgotten) return null;
    const [answer] = await this.store.renew([this.inner]);
    return answer;
  }

  async release(outcome: Outcome): Promise<ReleaseAnswer> {
    this.onRelease();
    return this.#isForgotten ? 'lost' : this.inner.release(outcome);
  }
}
