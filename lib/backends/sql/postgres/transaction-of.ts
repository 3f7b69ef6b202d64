import type { Lock } from '../../../core/lock';
import { clientOf } from '../transaction-of';
import type { PostgresClient } from './client';

/**
 * The client of `pg` on which the lock's transaction is: what is written through it is committed with the lock, and rolled back
 * when the work fails or the lock is lost. Neither end the transaction nor release the client. With several keys it is the
 * transaction of the last one in their order, which commits while all the others are still held.
 *
 * @example
 * await locks.run(`account:${id}`, async (lock) => {
 *   await transactionOf(lock).query('UPDATE account SET balance = balance - $1 WHERE id = $2', [amount, id]);
 * });
 *
 * @typeParam Client - `PoolClient` of `pg`, for its types
 * @throws LockConfigError for a lock of another backend or strategy, and for handles of `acquire`
 * @throws LockLostError when the lock is not held any more
 */
export function transactionOf<Client extends PostgresClient = PostgresClient>(lock: Lock): Client {
  return clientOf(lock, 'PostgreSQL') as Client;
}
