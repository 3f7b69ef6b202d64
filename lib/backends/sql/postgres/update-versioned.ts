import type { Notation, VersionedUpdate } from '../update-versioned';
import { checkUpdated, versionedUpdate } from '../update-versioned';
import type { PostgresClient } from './client';

const NOTATION: Notation = { quote: '"', parameter: (position) => `$${position}` };

/**
 * Updates one row of a table of your own if it still has the version that was read before, and increments that version.
 * Within a lock of the strategy `'optimistic'` a conflict runs the work again.
 *
 * @example
 * const { balance, version } = await read(id);
 * await updateVersioned(transactionOf(lock), { table: 'account', id, version, set: { balance: balance - 10 } });
 *
 * @param client - a client or a pool of `pg`
 * @throws LockConflictError when the row has another version, or is not there
 * @throws LockConfigError when it is not such an update, or the id was not that of one row: then roll back
 */
export async function updateVersioned(client: Pick<PostgresClient, 'query'>, update: VersionedUpdate): Promise<void> {
  const { sql, values } = versionedUpdate(update, NOTATION);
  const { rowCount } = (await client.query(sql, values)) as { rowCount: number | null };
  checkUpdated(rowCount ?? 0, update);
}
