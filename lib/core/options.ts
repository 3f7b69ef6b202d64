import type { LockMode } from './backend';
import { checkDuration, checkInteger, checkNames, expected } from './checks';

/** Milliseconds, or a string for the `ms` package: `'250ms'`, `'30s'`, `'5m'`. */
export type Duration = number | string;

/** Options of `tryAcquire`. */
export interface TryAcquireOptions {
  /** How long the lock outlives a crashed holder; renewed while held. At least 100 ms. Default: the module's `ttl`. */
  ttl?: Duration;
  /** Ends the waiting: the call rejects with the signal's reason. Does not touch a lock that is already held. */
  signal?: AbortSignal;
  /** `'shared'` holders exclude exclusive ones, not each other. Default: `'exclusive'`. */
  mode?: LockMode;
  /** At most so many shared holders at once: a semaphore. A positive integer; implies `mode: 'shared'`. */
  permits?: number;
  /**
   * The lock stays taken at least this long, counted from when it was got, though the call returns at once. For jobs
   * that are shorter than the clocks of their instances are apart. Raises `ttl` to the same length. Default: 0.
   */
  minHold?: Duration;
  /**
   * Hard cap: when it has passed the lock's signal aborts and renewing stops, so that a body that hangs loses the lock
   * one ttl later. Default: none.
   */
  maxHold?: Duration;
  /** Shown to operators who look into the store. At most 256 characters. */
  label?: string;
}

/** Options of `acquire`. */
export interface AcquireOptions extends TryAcquireOptions {
  /** How long to wait for the lock. 0 = one try; `Infinity` allowed. Default: the module's `waitTimeout`. */
  waitTimeout?: Duration;
}

/** Options of `run`. */
export interface RunOptions extends AcquireOptions {
  /** Join a hold of the same key on this async path instead of throwing `LockReentryError`. Default: `false`. */
  reentrant?: boolean;
}

/** What applies to a whole `LockService`. */
export interface LockServiceOptions {
  /** How long a lock outlives a crashed holder; renewed while held. At least 100 ms. Default: `'30s'`. */
  ttl?: Duration;
  /** How long callers wait for a lock. 0 = one try; `Infinity` allowed. Default: `'10s'`. */
  waitTimeout?: Duration;
  /** Put before every key in the store. Default: `'nestlock:'`. */
  prefix?: string;
  /**
   * How often a lock may pass from one caller to the next within the process before other processes get their turn.
   * 0 to 1,000; 0 turns local hand-off off. Default: 32.
   */
  maxLocalHandoffs?: number;
  /** How long a shutdown waits for running sections before it aborts their signals. Default: `'10s'`. */
  shutdownTimeout?: Duration;
  /** HTTP status that `LockTimeoutError` carries. Default: 423. */
  busyStatus?: number;
}

/** @internal */
export interface Settings {
  readonly ttl: number;
  readonly waitTimeout: number;
  readonly prefix: string;
  readonly maxLocalHandoffs: number;
  readonly shutdownTimeout: number;
  readonly busyStatus: number;
}

/** @internal One call's options with all defaults filled in. */
export interface Terms {
  readonly mode: LockMode;
  readonly permits: number;
  readonly ttl: number;
  readonly waitTimeout: number;
  readonly minHold: number;
  readonly maxHold: number;
  readonly reentrant: boolean;
  readonly signal: AbortSignal | undefined;
  readonly label: string | undefined;
}

const TRY_OPTIONS = ['ttl', 'signal', 'mode', 'permits', 'minHold', 'maxHold', 'label'] as const;
const ACQUIRE_OPTIONS = [...TRY_OPTIONS, 'waitTimeout'] as const;

/** @internal The option names that each call knows. */
export const CALL_OPTIONS = {
  tryAcquire: TRY_OPTIONS,
  acquire: ACQUIRE_OPTIONS,
  run: [...ACQUIRE_OPTIONS, 'reentrant'] as const,
};

/** @internal The option names that a service knows. */
export const SERVICE_OPTIONS = [
  'ttl',
  'waitTimeout',
  'prefix',
  'maxLocalHandoffs',
  'shutdownTimeout',
  'busyStatus',
] as const;

/** @internal In ms. */
export const DEFAULT_TTL = 30_000;

/** The shortest ttl, in ms: below it the margin for clocks and the way to the store leave nothing. */
const MIN_TTL = 100;

/** Checks a service's options and fills in the defaults. @throws LockConfigError */
export function checkSettings(options: LockServiceOptions): Settings {
  const { ttl = DEFAULT_TTL, waitTimeout = 10_000, prefix = 'nestlock:' } = options;
  const { maxLocalHandoffs = 32, shutdownTimeout = 10_000, busyStatus = 423 } = options;
  if (typeof prefix !== 'string' || prefix.length > 256)
    throw expected('prefix', 'a string of at most 256 characters', prefix);
  return {
    ttl: checkDuration('ttl', ttl, MIN_TTL),
    waitTimeout: checkDuration('waitTimeout', waitTimeout, 0, Infinity),
    prefix,
    maxLocalHandoffs: checkInteger('maxLocalHandoffs', maxLocalHandoffs, 0, 1_000),
    shutdownTimeout: checkDuration('shutdownTimeout', shutdownTimeout, 0),
    busyStatus: checkInteger('busyStatus', busyStatus, 400, 599),
  };
}

/** Checks one call's options and fills in the service's defaults. @throws LockConfigError */
export function checkTerms(call: keyof typeof CALL_OPTIONS, options: RunOptions, settings: Settings): Terms {
  checkNames(`${call}()`, options, CALL_OPTIONS[call]);
  const { mode, permits, signal, label, reentrant = false } = options;
  if (mode !== undefined && mode !== 'exclusive' && mode !== 'shared') {
    throw expected('mode', '"exclusive" or "shared"', mode);
  }
  if (permits !== undefined && mode === 'exclusive') {
    throw expected('permits', 'absent with mode "exclusive", since it limits shared holders', permits);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw expected('signal', 'an AbortSignal', signal);
  if (label !== undefined && (typeof label !== 'string' || label.length > 256)) {
    throw expected('label', 'a string of at most 256 characters', label);
  }
  if (typeof reentrant !== 'boolean') throw expected('reentrant', 'true or false', reentrant);
  const minHold = options.minHold === undefined ? 0 : checkDuration('minHold', options.minHold, 0);
  const maxHold = options.maxHold === undefined ? Infinity : checkDuration('maxHold', options.maxHold, 1);
  if (minHold > maxHold) throw expected('minHold', `at most "maxHold" (${maxHold} ms)`, options.minHold);
  const shared = mode === 'shared' || permits !== undefined;
  return {
    mode: shared ? 'shared' : 'exclusive',
    permits: permits === undefined ? (shared ? Infinity : 1) : checkInteger('permits', permits, 1, 1_000_000),
    // A hold that must outlive this process's shutdown can rely on nothing but the store's ttl.
    ttl: Math.max(minHold, options.ttl === undefined ? settings.ttl : checkDuration('ttl', options.ttl, MIN_TTL)),
    waitTimeout:
      call === 'tryAcquire'
        ? 0
        : options.waitTimeout === undefined
          ? settings.waitTimeout
          : checkDuration('waitTimeout', options.waitTimeout, 0, Infinity),
    minHold,
    maxHold,
    reentrant,
    signal,
    label,
  };
}
