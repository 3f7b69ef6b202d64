import type { Grant } from './backend';
import { LockConfigError } from './errors';
import { Hold } from './hold';
import type { Lock } from './lock';
import { LockSet } from './lock-set';
import { show } from './show';

/**
 * What the store gave for the lock of the section that runs; with several keys for the last of them, which is given back
 * first. For backends that have more to offer than the lock.
 *
 * @param caller - the function that asks, for messages
 * @throws LockConfigError when it is no lock, or a handle of `acquire`; LockLostError when it is not held any more
 */
export function grantOf(lock: Lock, caller: string): Grant {
  const hold: unknown = lock instanceof LockSet ? lock.last : lock;
  if (!(hold instanceof Hold)) {
    throw new LockConfigError(
      `Expected ${caller} to be given the lock that run() passes to its body, got ${show(lock)}`,
    );
  }
  lock.assertHeld();
  const { grant } = hold;
  if (hold.isEntered) return grant;
  throw new LockConfigError(
    `${caller} cannot be used with a handle of acquire() or tryAcquire(): nobody could tell whether its work has failed. ` +
      'Use run() or @DistributedLock.',
  );
}
