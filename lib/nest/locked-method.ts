import 'reflect-metadata';
import { types } from 'node:util';
import { isObservable } from 'rxjs';
import type { Clock } from '../core/clock';
import { systemClock } from '../core/clock';
import { LockConfigError, LockTimeoutError } from '../core/errors';
import { checkKeys } from '../core/key';
import type { Lock } from '../core/lock';
import type { RunOptions } from '../core/options';
import { DEFAULT_TTL } from '../core/options';
import { locksOf } from './lock-host';
import type { DistributedLockOptions } from './lock-options';
import type { AnyMethod, KeyOf } from './method-key';
import { rememberOriginal } from './method-key';
import { RequestContext } from './request-context';
import { lockedStream, streamOnce } from './locked-stream';

/** All that a locked method knows of its lock. */
export interface LockedMethod {
  /** Class and method, for messages. */
  readonly where: string;
  readonly keyOf: KeyOf;
  readonly instance: string | undefined;
  readonly onBusy: NonNullable<DistributedLockOptions['onBusy']>;
  readonly options: RunOptions;
  readonly returns: 'promise' | 'observable';
}

/**
 * Puts the method behind its lock. The result passes for the method itself: same name, length and own properties, and all
 * metadata that decorators have left on it.
 */
export function lockMethod(method: AnyMethod, locked: LockedMethod): AnyMethod {
  const proxy = new Proxy(method, {
    apply(_, self: unknown, args: unknown[]) {
      const call = (): unknown => Reflect.apply(method, self, args);
      return locked.returns === 'observable'
        ? lockedStream((body, signal) => runLocked(locked, { self, args, signal }, body), call, locked.where)
        : runPromise(locked, self, args, call);
    },
  });
  for (const key of Reflect.getOwnMetadataKeys(method)) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, method), proxy);
  }
  rememberOriginal(proxy, method);
  return proxy;
}

/** The promise of a locked call. An Observable that it resolves with keeps the lock until its subscriber is done. */
function runPromise(locked: LockedMethod, self: unknown, args: unknown[], call: () => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settled = runLocked(locked, { self, args }, async (lock, clock) => {
      const returned = call();
      if (isObservable(returned)) {
        throw new LockConfigError(
          `${locked.where} returned an Observable that it does not declare. Declare its return type as Observable ` +
            '(an "import type" hides it at run time), or pass { returns: \'observable\' }.',
        );
      }
      if (types.isGeneratorObject(returned)) {
        throw new LockConfigError(
          `${locked.where} returned a generator, of which no step would run under the lock. Return a promise or an Observable.`,
        );
      }
      const result = await returned;
      if (!isObservable(result)) return result;
      const { stream, done } = streamOnce(result, {
        where: locked.where,
        clock,
        patience: lock?.remainingTime() ?? DEFAULT_TTL,
        lock,
        settled: () => settled,
      });
      resolve(stream);
      return done;
    });
    settled.then(resolve, reject);
  });
}

interface Call {
  readonly self: unknown;
  readonly args: readonly unknown[];
  /** Ends the waiting, besides the end of the current request. */
  readonly signal?: AbortSignal;
}

/** Takes the lock for one call and runs the body under it; what the caller gets when the lock is busy is answered here. */
async function runLocked(
  { where, instance, keyOf, options, onBusy }: LockedMethod,
  { self, args, signal }: Call,
  body: (lock: Lock | undefined, clock: Clock) => unknown,
): Promise<unknown> {
  const locks = locksOf(self, where, instance);
  const key = keyOf(self, args);
  let isOurs = false;
  try {
    return await locks.run(
      key,
      (lock: Lock | undefined) => {
        isOurs = true; // a test's mock may give no lock
        return body(lock, locks.clock ?? systemClock);
      },
      { ...options, ...waitingEnds(signal, RequestContext.current()?.waiting) },
    );
  } catch (error) {
    // A body that met another lock's time-out is not what onBusy is about.
    if (isOurs || !(error instanceof LockTimeoutError) || onBusy === 'throw') throw error;
    return onBusy === 'skip' ? undefined : onBusy({ keys: checkKeys(key), waited: error.waited });
  }
}

function waitingEnds(...signals: (AbortSignal | undefined)[]): Pick<RunOptions, 'signal'> {
  const [first, ...others] = signals.filter((signal) => signal !== undefined);
  if (!first) return {};
  return { signal: others.length === 0 ? first : AbortSignal.any([first, ...others]) };
}
