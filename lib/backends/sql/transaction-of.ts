import { LockConfigError } from '../../core/errors';
import { grantOf } from '../../core/grant-of';
import type { Lock } from '../../core/lock';
import { TransactionGrant } from './transaction-grant';

/** @throws LockConfigError, LockLostError */
export function clientOf(lock: Lock, databaseName: string): unknown {
  const grant = grantOf(lock, 'transactionOf()');
  if (grant instanceof TransactionGrant && grant.databaseName === databaseName) return grant.client;
  const got = grant instanceof TransactionGrant ? `one of ${grant.databaseName}` : 'one without a transaction';
  throw new LockConfigError(
    `Expected transactionOf() to be given a lock of ${databaseName} with the strategy "transaction" or "optimistic", got ${got}.`,
  );
}
