import type { Lock } from '../../../core/lock';
import { clientOf } from '../transaction-of';
import type { MysqlPromiseConnectionOfPool } from './client';

/**
 * The connection of `mysql2` on which the lock's transaction is: what is written through it is committed with the lock, and
 * rolled back when the work fails or the lock is lost. Neither end the transaction (a DDL statement does) nor release the
 * connection. With several keys it is the transaction of the last one in their order, which commits while all the others are
 * still held.
 *
 * It is of the kind of the pool: one of `mysql2/promise`, also with a URL; with a pool of `mysql2` or a DataSource of TypeORM
 * one with callbacks.
 *
 * @example
 * await locks.run(`account:${id}`, async (lock) => {
 *   await transactionOf(lock).query('UPDATE account SET balance = balance - ? WHERE id = ?', [amount, id]);
 * });
 *
 * @typeParam Connection - `PoolConnection` of `mysql2/promise` or of `mysql2`, for its types
 * @throws LockConfigError for a lock of another backend or strategy, and for handles of `acquire`
 * @throws LockLostError when the lock is not held any more
 */
export function transactionOf<Connection = MysqlPromiseConnectionOfPool>(lock: Lock): Connection {
  return clientOf(lock, 'MySQL') as Connection;
}
