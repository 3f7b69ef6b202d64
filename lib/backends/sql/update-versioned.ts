import { checkNames, expected } from '../../core/checks';
import { LockConfigError, LockConflictError } from '../../core/errors';
import { show } from '../../core/show';

/** A value, in the column of the usual name; or the values of some columns by their names. */
export type ColumnValues<T> = T | Readonly<Record<string, T>>;

/** What `updateVersioned` changes. */
export interface VersionedUpdate {
  /** Perhaps with the schema: `'app.account'`. */
  table: string;
  /** The primary key: a value of the column `id`, or of the columns that are named: `{ tenant: 7, number: 12 }`. */
  id: ColumnValues<string | number | bigint | Buffer | Date>;
  /** The version that was read: of the column `version`, or of the one that is named: `{ revision: 3 }`. */
  version: ColumnValues<number | bigint | string>;
  /** The new values by column. The version is incremented. */
  set: Readonly<Record<string, unknown>>;
}

/** How a database writes names and parameters. */
export interface Notation {
  readonly quote: string;
  parameter(position: number): string;
}

/** The version was another: whoever finds this runs the work again, if that is what he does with conflicts. */
export class StaleVersionError extends LockConflictError {
  constructor(table: string, id: unknown) {
    super(`${table} ${typeof id === 'object' ? Object.values(id as object).join(', ') : String(id)}`, { attempts: 1 });
    this.name = 'LockConflictError';
  }
}

const NAMES = ['table', 'id', 'version', 'set'] satisfies readonly (keyof VersionedUpdate)[];

/** The statement and its values. @throws LockConfigError */
export function versionedUpdate(
  update: VersionedUpdate,
  { quote, parameter }: Notation,
): { readonly sql: string; readonly values: readonly unknown[] } {
  checkNames('updateVersioned', update, NAMES);
  const { table, id, version, set } = update;
  const name = (text: string): string => {
    if (text !== '' && !text.includes('\0')) return `${quote}${text.replaceAll(quote, quote + quote)}${quote}`;
    throw new LockConfigError(`Expected updateVersioned() to be given names of columns and tables, got ${show(text)}`);
  };
  if (typeof table !== 'string' || table === '') throw expected('table', 'the name of a table', table);
  const ids = columnsOf('id', id);
  const versions = columnsOf('version', version);
  const [versionColumn] = versions[0]!;
  if (versions.length > 1) throw expected('version', 'a single column', version);
  if (typeof set !== 'object' || set === null || Array.isArray(set)) throw expected('set', 'values by column', set);
  if (Object.hasOwn(set, versionColumn))
    throw new LockConfigError(`Expected "set" without the column "${versionColumn}", which is incremented`);
  for (const [column, value] of Object.entries(set))
    if (value === undefined) throw expected(`set.${column}`, 'a value, or null', value);
  const values = [...Object.values(set), ...[...ids, ...versions].map(([, value]) => value)];
  let position = 0;
  const equals = (column: string): string => `${name(column)} = ${parameter(++position)}`;
  const assignments = Object.keys(set).map(equals);
  const conditions = [...ids, ...versions].map(([column]) => equals(column));
  const sql =
    `UPDATE ${table.split('.').map(name).join('.')} ` +
    `SET ${[...assignments, `${name(versionColumn)} = ${name(versionColumn)} + 1`].join(', ')} ` +
    `WHERE ${conditions.join(' AND ')}`;
  return { sql, values };
}

/** @throws LockConflictError when no row was updated; LockConfigError when several were */
export function checkUpdated(count: number, { table, id }: VersionedUpdate): void {
  if (count === 1) return;
  if (count === 0) throw new StaleVersionError(table, id);
  throw new LockConfigError(
    `Expected "id" to name one row of "${table}", got ${count}. Roll back, and use the primary key.`,
  );
}

function columnsOf(usual: string, given: unknown): [string, unknown][] {
  const isPlain = typeof given === 'object' && given !== null && Object.getPrototypeOf(given) === Object.prototype;
  const columns: [string, unknown][] = isPlain ? Object.entries(given) : [[usual, given]];
  if (columns.length > 0 && columns.every(([, value]) => isScalar(value))) return columns;
  throw expected(usual, 'a value (string, number, bigint, Buffer, Date), or values by column', given);
}

/** MySQL's driver would write an object as a piece of SQL, and so compare what the caller has not named. */
function isScalar(value: unknown): boolean {
  return ['string', 'number', 'bigint'].includes(typeof value) || value instanceof Buffer || value instanceof Date;
}
