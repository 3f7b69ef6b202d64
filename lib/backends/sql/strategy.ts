import type { Claim, Grant } from '../../core/backend';
import type { Clock } from '../../core/clock';
import type { Patience } from '../../core/patience';
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
  readonly patience: Patience;
  /** In ms. */
  readonly commandTimeout: number;
  readonly maxConnections: number;
}

/** As the promise, but rejects with LockUnavailableError when it takes longer than `ms`, by default `commandTimeout`. */
export function limited<T>(
  { patience, commandTimeout, dialect }: StrategyContext,
  what: string,
  promise: Promise<T>,
  { ms = commandTimeout, failure = (error: unknown) => error } = {},
): Promise<T> {
  const late = (): Error => unavailable(`${what}: ${dialect.name} did not answer within ${ms} ms`);
  return patience.limit(ms, promise, late, failure);
}

/** The same, and rejects with LockUnavailableError when the promise rejects. */
export function within<T>(context: StrategyContext, what: string, promise: Promise<T>): Promise<T> {
  return limited(context, what, promise, { failure: (error) => asUnavailable(what, error) });
}
