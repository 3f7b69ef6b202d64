/** What went wrong, for programs. */
export type LockErrorCode =
  | 'LOCK_TIMEOUT'
  | 'LOCK_UNAVAILABLE'
  | 'LOCK_LOST'
  | 'LOCK_CONFLICT'
  | 'LOCK_TRANSACTION'
  | 'LOCK_REENTRY'
  | 'LOCK_KEY'
  | 'LOCK_CONFIG'
  | 'LOCK_NOT_READY';

/**
 * Why a lock stopped being ours: its time ran out, the store gave it away or forgot it, the session with the store
 * ended, `maxHold` passed, or the application shut down under it. `'released'`: it was used after its release.
 */
export type LockLostReason = 'expired' | 'stolen' | 'session' | 'maxHold' | 'shutdown' | 'released';

/** What errors are made of besides their message. */
interface ErrorDetails {
  /** The key as the caller gave it. */
  readonly key?: string | undefined;
  /** The error that it came of. */
  readonly cause?: unknown;
}

/** Base of every error that nestlock throws of its own accord. */
export abstract class LockError extends Error {
  /** What went wrong, for programs. */
  abstract readonly code: LockErrorCode;
  /** The key that the error is about, as the caller gave it; absent when it is about no single key. */
  declare readonly key?: string;

  constructor(message: string, { key, cause }: ErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    if (key !== undefined) this.key = key;
  }
}

/** Errors that a server should answer with a status of its own: Nest's default exception handler reads these fields. */
abstract class LockHttpError extends LockError {
  /** HTTP status. */
  readonly status: number;
  /** The same, under the name that other frameworks read. */
  readonly statusCode: number;
  /** `false`: the message is for the log, not for the client. */
  readonly expose = false;

  constructor(message: string, details: ErrorDetails & { status: number }) {
    super(message, details);
    this.status = this.statusCode = details.status;
  }
}

/** The lock was still held by another when `waitTimeout` ended. HTTP 423 unless configured otherwise. */
export class LockTimeoutError extends LockHttpError {
  readonly code = 'LOCK_TIMEOUT';
  /** How long the caller waited, in ms. */
  readonly waited: number;

  constructor(key: string, { waited, status = 423 }: { waited: number; status?: number }) {
    const after = waited < 1 ? 'and was not waited for' : `after ${Math.round(waited)} ms of waiting`;
    super(`Lock "${key}" is held by another ${after}. Try again later, or raise "waitTimeout".`, { key, status });
    this.waited = waited;
  }
}

/** The backend could not be asked: down, too slow, or refusing. Says nothing about who holds the lock. HTTP 503. */
export class LockUnavailableError extends LockHttpError {
  readonly code = 'LOCK_UNAVAILABLE';

  constructor(message: string, { key, cause }: ErrorDetails = {}) {
    super(message, { key, cause, status: 503 });
  }
}

/** The lock stopped being ours: what its holder did last may have overlapped with what the next one did. */
export class LockLostError extends LockError {
  readonly code = 'LOCK_LOST';
  /** Why it was lost. */
  readonly reason: LockLostReason;
  /** What the body returned, if it had finished when the loss was found. */
  declare readonly result?: unknown;

  constructor(key: string, { reason, cause, result }: { reason: LockLostReason; cause?: unknown; result?: unknown }) {
    super(`Lock "${key}" is not held any more: ${LOST_BECAUSE[reason]}.`, { key, cause });
    this.reason = reason;
    if (result !== undefined) this.result = result;
  }
}

const LOST_BECAUSE: Record<LockLostReason, string> = {
  expired: 'its ttl ended before a renewal was acknowledged. Another may have it; check what this work left behind',
  stolen: 'the store gave it to another or forgot it. Check what this work left behind',
  session: 'the session with the store ended. Another may have it; check what this work left behind',
  maxHold: '"maxHold" was reached. Make the work shorter, or raise "maxHold"',
  shutdown: 'the application shut down and "shutdownTimeout" ended before the work did',
  released: 'it was released before. Use it only until its release',
};

/** An optimistic version check failed in every attempt. HTTP 409. */
export class LockConflictError extends LockHttpError {
  readonly code = 'LOCK_CONFLICT';
  /** How often the body was run. */
  readonly attempts: number;

  constructor(key: string, { attempts, cause }: { attempts: number; cause?: unknown }) {
    const times = attempts === 1 ? 'in its only attempt' : `in each of ${attempts} attempts`;
    super(`Another writer changed "${key}" first ${times}. Try again later.`, { key, cause, status: 409 });
    this.attempts = attempts;
  }
}

/**
 * The transaction that the work was done in did not end with a commit that is known to have succeeded. A commit that the
 * database refused for a reason of its own (a deferred constraint) rejects with the database's error instead.
 */
export class LockTransactionError extends LockError {
  readonly code = 'LOCK_TRANSACTION';
  /**
   * `'rolledBack'`: nothing that was written through the transaction is there. `'unknown'`: it may be there, wholly or, if
   * the work itself ended the transaction, in part.
   */
  readonly outcome: 'rolledBack' | 'unknown';

  constructor(message: string, { outcome, ...details }: ErrorDetails & { outcome: 'rolledBack' | 'unknown' }) {
    super(message, details);
    this.outcome = outcome;
  }
}

/** The same key was asked for again inside its own section without `reentrant`, or a shared hold asked for more. */
export class LockReentryError extends LockError {
  readonly code = 'LOCK_REENTRY';

  constructor(key: string, why: 'again' | 'handle' | 'upgrade') {
    super(`Lock "${key}" ${REENTRY[why]}`, { key });
  }
}

const REENTRY = {
  again: 'is already held on this async path. Pass { reentrant: true } to join that hold, or lock only once.',
  handle: 'is already held on this async path, and a handle cannot join that hold. Use run() with { reentrant: true }.',
  upgrade: 'is held shared on this async path and cannot become exclusive. Take it exclusively from the start.',
};

/** A key that is none. */
export class LockKeyError extends LockError {
  readonly code = 'LOCK_KEY';
}

/** An option, backend or use that cannot work. */
export class LockConfigError extends LockError {
  readonly code = 'LOCK_CONFIG';
}

/** There is no lock service (yet), so nothing was run. */
export class LockNotReadyError extends LockError {
  readonly code: LockErrorCode = 'LOCK_NOT_READY';
}

/** Nothing was run because the application is shutting down; another instance may take the request. HTTP 503. */
export class LockShutdownError extends LockNotReadyError {
  /** HTTP status. */
  readonly status = 503;
  /** The same, under the name that other frameworks read. */
  readonly statusCode = 503;
  /** `false`: the message is for the log, not for the client. */
  readonly expose = false;

  constructor(key?: string) {
    super(`${key === undefined ? 'No lock was' : `Lock "${key}" was not`} taken: the application is shutting down.`, {
      key,
    });
    this.name = 'LockNotReadyError';
  }
}
