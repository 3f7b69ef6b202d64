import type { Claim, Grant } from '../../core/backend';
import type { Clock } from '../../core/clock';
import { afterPatience } from '../../core/patience';
import type { Database } from './database';
import type { Dialect } from './dialect';
import { asUnavailable, unavailable } from './failures';
import type { Tables } from './tables';
import type { Wakeups } from './wakeups';

/** A way to keep locks in a database. */
export interface Strategy {
  acquire(claim: Claim): Promise<Grant | null>;
  renew(grants: readonly Grant[]): Promise<readonly (number | null | undefined)[]>;
  /** Lets what is being seen to in the background end. */
  close(): Promise<void>;
}

/** What every strategy needs. */
export interface StrategyContext {
  readonly database: Database;
  readonly dialect: Dialect;
  readonly tables: Tables;
  readonly wakeups: Wakeups;
  readonly clock: Clock;
  /** In ms. */
  readonly commandTimeout: number;
  readonly maxConnections: number;
}

/** As the promise, but rejects with LockUnavailableError when it takes longer than `ms`, by default `commandTimeout`. */
export function limited<T>(
  { clock, commandTimeout, dialect }: StrategyContext,
  what: string,
  promise: Promise<T>,
  ms = commandTimeout,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = afterPatience(clock, ms, () =>
      reject(unavailable(`${what}: ${dialect.name} did not answer within ${ms} ms`)),
    );
    promise.then(resolve, reject).then(stop, stop);
  });
}

/** The same, and rejects with LockUnavailableError when the promise rejects. */
export async function within<T>(context: StrategyContext, what: string, promise: Promise<T>): Promise<T> {
  try {
    return await limited(context, what, promise);
  } catch (error) {
    throw asUnavailable(what, error);
  }
}
