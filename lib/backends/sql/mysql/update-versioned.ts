import type { Notation, VersionedUpdate } from '../update-versioned';
import { checkUpdated, versionedUpdate } from '../update-versioned';
import type { MysqlConnectionOfPool, MysqlPromiseConnectionOfPool } from './client';

const NOTATION: Notation = { quote: '`', parameter: () => '?' };

/**
 * Updates one row of a table of your own if it still has the version that was read before, and increments that version.
 * Within a lock of the strategy `'optimistic'` a conflict runs the work again.
 *
 * @example
 * const { balance, version } = await read(id);
 * await updateVersioned(transactionOf(lock), { table: 'account', id, version, set: { balance: balance - 10 } });
 *
 * @param connection - a connection or a pool of `mysql2` or `mysql2/promise`
 * @throws LockConflictError when the row has another version, or is not there
 * @throws LockConfigError when it is not such an update, or the id was not that of one row: then roll back
 */
export async function updateVersioned(
  connection: Pick<MysqlPromiseConnectionOfPool, 'query'> | Pick<MysqlConnectionOfPool, 'promise'>,
  update: VersionedUpdate,
): Promise<void> {
  const { sql, values } = versionedUpdate(update, NOTATION);
  const client = 'promise' in connection ? (connection.promise() as MysqlPromiseConnectionOfPool) : connection;
  const [{ affectedRows }] = (await client.query(sql, values.map(asParameter))) as [{ affectedRows: number }, unknown];
  checkUpdated(affectedRows, update);
}

/** The driver would write an object as a list of assignments, and an array as a list of values. */
function asParameter(value: unknown): unknown {
  const isPlain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return isPlain || Array.isArray(value) ? JSON.stringify(value) : value;
}
