import type { Claim, Grant, LockBackend, ReleaseAnswer } from '../../core/backend';
import { provableUntil } from '../../core/backend';
import type { Clock, Timer } from '../../core/clock';
import { epochMicros, systemClock } from '../../core/clock';

/** Options of `memoryBackend`. */
export interface MemoryBackendOptions {
  /** What time it is. Default: the system's monotonic clock. */
  clock?: Clock;
}

/**
 * Locks within this process: for one instance, for development and for tests. Excludes nothing outside of the process.
 *
 * Services that are given the same backend object contend with each other as processes do over a server.
 */
export function memoryBackend({ clock = systemClock }: MemoryBackendOptions = {}): LockBackend {
  return new MemoryBackend(clock);
}

interface Holder {
  readonly claim: Claim;
  expiresAt: number;
}

interface Waiting {
  readonly claim: Claim;
  readonly settle: (grant: Grant) => void;
}

interface Entry {
  readonly holders: Map<string, Holder>;
  readonly queue: Set<Waiting>;
  /** Runs while somebody waits: when the first holder's time ends. */
  timer?: Timer | undefined;
}

/**
 * One queue per key, strictly first come, first served: a claim is granted when nobody is ahead of it and it gets along
 * with all holders. Every change ends in the same step: drop expired holders, grant from the head, forget empty entries.
 */
class MemoryBackend implements LockBackend {
  readonly name = 'memory';
  readonly #entries = new Map<string, Entry>();
  /** Last token given, for all keys together. Starts where an earlier process cannot have come. */
  #lastFence = epochMicros();

  constructor(readonly clock: Clock) {}

  async acquire(claim: Claim): Promise<Grant | null> {
    const entry = this.#entries.get(claim.key) ?? { holders: new Map<string, Holder>(), queue: new Set<Waiting>() };
    this.#dropExpired(entry);
    const again = entry.holders.has(claim.holder);
    if (again || (entry.queue.size === 0 && fits(claim, entry))) {
      this.#entries.set(claim.key, entry);
      return this.#grant(claim, entry);
    }
    if (claim.wait) return this.#enqueue(claim, entry);
    this.#advance(claim.key, entry);
    return null;
  }

  async renew(grants: readonly Grant[]): Promise<(number | null)[]> {
    return grants.map((grant) => (grant as MemoryGrant).renew());
  }

  #enqueue(claim: Claim, entry: Entry): Promise<Grant> {
    claim.signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        entry.queue.delete(waiting);
        this.#advance(claim.key, entry);
        reject(claim.signal.reason as Error);
      };
      const waiting: Waiting = {
        claim,
        settle: (grant) => {
          claim.signal.removeEventListener('abort', onAbort);
          resolve(grant);
        },
      };
      entry.queue.add(waiting);
      claim.signal.addEventListener('abort', onAbort, { once: true });
      this.#advance(claim.key, entry);
      if (entry.queue.has(waiting)) claim.contended();
    });
  }

  #grant(claim: Claim, entry: Entry): Grant {
    const now = this.clock.now();
    const holder: Holder = { claim, expiresAt: now + claim.ttl };
    entry.holders.set(claim.holder, holder);
    const fence = BigInt(this.#lastFence + 1);
    this.#lastFence += claim.fences;
    return new MemoryGrant(fence, claim.fences, provableUntil(now, claim.ttl), {
      renew: () => {
        const sentAt = this.clock.now();
        if (entry.holders.get(claim.holder) !== holder || sentAt >= holder.expiresAt) return null;
        holder.expiresAt = sentAt + claim.ttl;
        return provableUntil(sentAt, claim.ttl);
      },
      release: () => {
        const ours = entry.holders.get(claim.holder) === holder && this.clock.now() < holder.expiresAt;
        if (ours) entry.holders.delete(claim.holder);
        this.#advance(claim.key, entry);
        return ours;
      },
    });
  }

  #advance(key: string, entry: Entry): void {
    this.#dropExpired(entry);
    for (const waiting of entry.queue) {
      if (!fits(waiting.claim, entry)) break;
      entry.queue.delete(waiting);
      waiting.settle(this.#grant(waiting.claim, entry));
    }
    if (entry.timer) this.clock.clearTimeout(entry.timer);
    entry.timer = undefined;
    if (entry.queue.size > 0) {
      const first = Math.min(...[...entry.holders.values()].map((holder) => holder.expiresAt));
      entry.timer = this.clock.setTimeout(() => this.#advance(key, entry), Math.ceil(first - this.clock.now()));
    } else if (entry.holders.size === 0 && this.#entries.get(key) === entry) {
      this.#entries.delete(key);
    }
  }

  #dropExpired(entry: Entry): void {
    const now = this.clock.now();
    for (const [id, holder] of entry.holders) {
      if (now >= holder.expiresAt) entry.holders.delete(id);
    }
  }
}

class MemoryGrant implements Grant {
  #answer: ReleaseAnswer | undefined;

  constructor(
    readonly fence: bigint,
    readonly fences: number,
    readonly validUntil: number,
    private readonly store: { renew: () => number | null; release: () => boolean },
  ) {}

  renew(): number | null {
    return this.#answer ? null : this.store.renew();
  }

  async release(): Promise<ReleaseAnswer> {
    return (this.#answer ??= this.store.release() ? 'released' : 'lost');
  }
}

/** Whether the claim gets along with all who hold the lock now. */
function fits(claim: Claim, { holders }: Entry): boolean {
  if (claim.mode === 'exclusive') return holders.size === 0;
  for (const holder of holders.values()) {
    if (holder.claim.mode === 'exclusive' || holders.size >= holder.claim.permits) return false;
  }
  return holders.size < claim.permits;
}
