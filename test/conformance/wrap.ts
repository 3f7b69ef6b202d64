import type { Claim, Grant, LockBackend } from '../../lib/core/backend';
import type { FakeClock } from '../../lib/testing';
import type { Change } from './memory-harness';

export type Acquire = LockBackend['acquire'];
export type Renew = LockBackend['renew'];

/** A grant of a changed backend. */
export interface Wrapped extends Grant {
  readonly inner: Grant;
  readonly claim: Claim;
}

/** What a changed backend does instead; `next` is what it would have done. */
export interface Changes {
  acquire?(claim: Claim, next: Acquire): Promise<Grant | null>;
  renew?(grants: readonly Wrapped[], next: Renew): ReturnType<Renew>;
  grant?(inner: Grant, claim: Claim): Partial<Grant>;
}

/** A backend that is changed in some respect. `make` is called once for each backend. */
export function wrap(make: (store: LockBackend, clock: FakeClock) => Changes): Change {
  return (store, clock) => {
    const changes = make(store, clock);
    const next: Acquire = async (claim) => {
      const inner = await store.acquire(claim);
      if (!inner) return null;
      const { fence, fences, validUntil } = inner;
      const whenLost: Grant['whenLost'] = (listener) => inner.whenLost?.(listener);
      const release: Grant['release'] = (outcome) => inner.release(outcome);
      const same = { fence, fences, validUntil, whenLost, release };
      return { ...same, ...changes.grant?.(inner, claim), inner, claim } as Wrapped;
    };
    const renew: Renew = (grants) => store.renew(grants.map((grant) => (grant as Wrapped).inner));
    return {
      name: store.name,
      clock: store.clock,
      acquire: (claim) => changes.acquire?.(claim, next) ?? next(claim),
      renew: (grants) => changes.renew?.(grants as readonly Wrapped[], renew) ?? renew(grants),
    };
  };
}
