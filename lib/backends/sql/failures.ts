import { LockConfigError, LockUnavailableError } from '../../core/errors';

/** What the rest of this folder wants to know of an error, whichever driver it is from. */
export type Fault =
  /** Another transaction was in the way, and trying again may help: deadlock, serialization failure. */
  | 'conflict'
  /** The row is locked by another (NOWAIT, or the wait was too long). */
  | 'locked'
  /** The table, or a part of it, is not there. */
  | 'noTable'
  /** The table has other columns. */
  | 'otherShape'
  /** Somebody else has made the same thing at the same time. */
  | 'exists'
  /** A statement was ended from outside: time-out of the server, operator. */
  | 'cancelled'
  /** It will not go away by itself: wrong password, no such database, no right. */
  | 'refused';

/** Tells what an error is, of which `undefined` is known. */
export type Diagnosis = (error: unknown) => Fault | undefined;

/** The code that a driver has given an error, or the one beneath it: mappers wrap what they get. */
export function codeOf(error: unknown): string | number | undefined {
  for (let depth = 0; typeof error === 'object' && error !== null && depth < 5; depth++) {
    const { errno, code, cause, driverError } = error as Record<string, unknown>;
    if (typeof errno === 'number' && errno > 0) return errno;
    if (typeof code === 'string') return code;
    error = cause ?? driverError;
  }
  return undefined;
}

export function messageOf(error: unknown): string {
  const { message, code } = (error ?? {}) as { message?: unknown; code?: unknown };
  if (typeof message === 'string' && message !== '') return message;
  return typeof code === 'string' ? code : String(error); // ECONNREFUSED on several addresses has no message
}

/** "The database could not be asked", with what it said. */
export function unavailable(what: string, cause?: unknown): LockUnavailableError {
  const said = cause === undefined ? '' : `: ${messageOf(cause).replace(/\.$/, '')}`;
  return new LockUnavailableError(`${what}${said}.`, { cause });
}

/** The same, unless it is an error of ours already. */
export function asUnavailable(what: string, error: unknown): Error {
  return error instanceof LockUnavailableError || error instanceof LockConfigError ? error : unavailable(what, error);
}

const unsent = new WeakSet<object>();

/** Notes that the statement this error is about never left: there was no connection. */
export function markUnsent<T>(error: T): T {
  if (typeof error === 'object' && error !== null) unsent.add(error);
  return error;
}

/** Whether the statement certainly had no effect: it was not sent, or refused. */
export function hadNoEffect(error: unknown, { isRefusal }: { isRefusal(error: unknown): boolean }): boolean {
  const wasUnsent = typeof error === 'object' && error !== null && unsent.has(error);
  return wasUnsent || error instanceof LockConfigError || isRefusal(error);
}
