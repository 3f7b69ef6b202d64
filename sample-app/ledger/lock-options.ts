import type { LedgerStrategy } from '../strategies';
import type { LockOptions } from './database';

/**
 * "optimistic" is made for work that seldom meets: of a hundred buyers of one event who try at once, one has success. So not
 * many try at once, and they try often.
 */
const FOR_CROWDS = { maxConnections: 2, attempts: 50 };

export function lockOptions(strategy: LedgerStrategy): LockOptions {
  return strategy === 'optimistic' ? { strategy, ...FOR_CROWDS } : { strategy };
}
