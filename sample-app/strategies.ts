import type { SqlStrategy } from 'nestlock/postgres';
import { databases } from './ledger/databases';

/** The strategies whose locks are transactions that can be written through. */
export type LedgerStrategy = Exclude<SqlStrategy, 'lease'>;

const STRATEGIES: readonly string[] = ['lease', 'transaction', 'optimistic'] satisfies SqlStrategy[];

/** With the others the seats are in the inventory. */
export function keepsLedger(strategy: SqlStrategy | undefined): strategy is LedgerStrategy {
  return strategy === 'transaction' || strategy === 'optimistic';
}

/**
 * How the backend keeps its locks: as the setting says, or by leases. `undefined` if it has no choice.
 *
 * @param setting - its name, for messages
 * @throws Error when the backend has no strategies, or not this one
 */
export function chooseStrategy(setting: string, value: string | undefined, backend: string): SqlStrategy | undefined {
  const isDatabase = Object.hasOwn(databases, backend);
  if (value === undefined) return isDatabase ? 'lease' : undefined;
  if (!isDatabase) {
    const names = Object.keys(databases).join(' or ');
    throw new Error(`The ${backend} backend has no strategies: leave out ${setting}, or take the backend ${names}.`);
  }
  if (STRATEGIES.includes(value)) return value as SqlStrategy;
  throw new Error(`Expected ${setting} to be one of ${STRATEGIES.join(', ')}, got "${value}"`);
}
