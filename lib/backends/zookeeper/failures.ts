import { LockUnavailableError } from '../../core/errors';
import { Code } from './client';

const ADVICE: Readonly<Record<number, string>> = {
  [Code.noNode]: 'Is the folder (chroot) at the end of "connect" there? It has to be made before',
  [Code.noAuth]: 'The ACL of this node does not allow it: check "auth", or choose another "root"',
  [Code.authFailed]: 'Check "auth"',
  [Code.invalidAcl]: 'Check "auth"',
};

const LOSSES: readonly number[] = [
  Code.connectionLoss,
  Code.operationTimeout,
  Code.invalidState,
  Code.sessionExpired,
  Code.closing,
  Code.sessionMoved,
];

/** A request that ZooKeeper did not carry out, or whose answer did not arrive. */
export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError';

  constructor(
    readonly code: number,
    operation: string,
    readonly path: string,
    said?: string,
  ) {
    super(`${operation} "${path}": ${said ?? nameOf(code)} (${code})`);
  }

  /** The connection was lost: whether it was carried out is not known, unless the session has ended as well. */
  get isLoss(): boolean {
    return LOSSES.includes(this.code);
  }
}

/** @param error - perhaps no error of ZooKeeper at all */
export function hasCode(error: unknown, code: number): boolean {
  return error instanceof ZooKeeperError && error.code === code;
}

/** "ZooKeeper could not be asked", with what to do where that is known. */
export function unavailable(what: string, cause?: unknown): LockUnavailableError {
  const advice = cause instanceof ZooKeeperError ? ADVICE[cause.code] : undefined;
  const said = cause === undefined ? '' : `: ${(cause as Error).message.replace(/\.$/, '')}`;
  return new LockUnavailableError(`${what}${said}.${advice === undefined ? '' : ` ${advice}.`}`, { cause });
}

function nameOf(code: number): string {
  return Object.entries(Code).find(([, each]) => each === code)?.[0] ?? 'error';
}
