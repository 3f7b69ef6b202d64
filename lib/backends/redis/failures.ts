import { LockUnavailableError } from '../../core/errors';

/** What ends by itself: a restart, a failover, a Cluster that rearranges itself, a connection that comes back. */
const PASSING =
  /\b(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY|BUSY|UNBLOCKED|NOREPLICAS)\b|clos(e|ed|ing)\b|isn't writeable|max retries per request|ECONN|EPIPE|ETIMEDOUT|Too many Cluster redirections|Failed to refresh slots cache|None of startup nodes/i;

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/\bWRONGTYPE/, 'A key of this lock holds something else: delete it, or choose another "prefix"'],
  [/\bREADONLY/, 'This is a replica: connect to the primary, or through Sentinel'],
  [
    /\b(MOVED|CROSSSLOT|CLUSTERDOWN)/,
    'This is a node of a Cluster: connect with { cluster: [...] }, or pass a Cluster',
  ],
  [/\bNOAUTH|\bWRONGPASS|invalid (username-)?password/, 'Check user and password'],
  [/\bNOPERM/, 'Allow this user EVALSHA, EVAL, the commands in the scripts, and the keys'],
  [/\bOOM/, 'Redis is out of memory: raise "maxmemory"'],
  [/^unknown command|^ERR unknown command/i, 'nestlock needs Redis 6.2 or newer with scripts'],
];

/** `quit()` or `disconnect()` was called on the client. */
export class ClientEndedError extends Error {
  constructor() {
    super('quit() or disconnect() was called on the client');
  }
}

/** @param error - perhaps of another realm, where `Error` is another class */
export function messageOf(error: unknown): string {
  const {
    message = String(error),
    lastNodeError,
    errors,
  } = error as Partial<AggregateError & { lastNodeError: Error }>;
  if (message === '' && errors?.length) return messageOf(errors[0]); // all addresses of a name were tried in vain
  return lastNodeError ? `${message} ${lastNodeError.message}` : message; // what a node of a Cluster said
}

export function isPassing(error: unknown): boolean {
  return PASSING.test(messageOf(error));
}

/** Whether it is of no use to ask again later: the server has refused it, or the client was ended. */
export function isFinal(error: unknown): boolean {
  if (error instanceof ClientEndedError) return true;
  return (error as Error).name === 'ReplyError' && !isPassing(error);
}

export function backendClosed(): LockUnavailableError {
  return new LockUnavailableError('The backend was closed before Redis had answered.');
}

/** "Redis could not be asked", with what to do where that is known. */
export function unavailable(what: string, cause?: unknown): LockUnavailableError {
  const message = cause === undefined ? '' : messageOf(cause);
  const advice = ADVICE.find(([pattern]) => pattern.test(message))?.[1];
  const said = message === '' ? '' : `: ${message.replace(/\.$/, '')}`;
  return new LockUnavailableError(`${what}${said}.${advice === undefined ? '' : ` ${advice}.`}`, { cause });
}
