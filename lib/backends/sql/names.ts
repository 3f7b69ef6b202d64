import { createHash } from 'node:crypto';
import { LockConfigError } from '../../core/errors';
import { show } from '../../core/show';

/** The longest name of a row, in characters, all of them ASCII: what every index takes. */
const MAX_LENGTH = 255;
/** How much of a longer one remains readable. */
const HEAD_LENGTH = 190;
/** PostgreSQL cuts names after 63 bytes, and the sequence beside the table needs six. */
const MAX_TABLE_LENGTH = 57;

/** What stands for itself in the name of a row: no quotes and backslashes, nothing that a collation could take for another. */
const UNFIT = /[^A-Za-z0-9_:;.,/@{}()[\]<>=!?*+&$#|^-]/gu;

/** For which of its strategies a row is, so that they do not get into each other's way. */
export type RowKind = 'lease' | 'transaction' | 'optimistic';

/** The key as the name of its row: ASCII, whatever the encoding of the database; equal only for equal keys. */
export function rowName(kind: RowKind, key: string): string {
  const name = `${kind}:${plain(key)}`;
  if (name.length <= MAX_LENGTH) return name;
  return `${name.slice(0, HEAD_LENGTH)}~${createHash('sha256').update(key).digest('hex')}`; // no other name has a tilde
}

/** Percent signs, spaces and what is not ASCII become the bytes of their UTF-8, in hexadecimal behind percent signs. */
export function plain(text: string): string {
  return text.replace(UNFIT, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

/** As a literal of SQL. Not for just any text: the characters that would need care are not let through. */
export function literal(text: string): string {
  if (!/^[ -&(-[\]-~]*$/.test(text)) throw new Error(`This cannot be written as it is: ${show(text)}`);
  return `'${text}'`;
}

/** Checks the name of a table, perhaps behind that of its schema and a dot. Returns its parts. @throws LockConfigError */
export function checkTable(table: unknown): readonly string[] {
  const parts = typeof table === 'string' ? table.split('.') : [];
  const isName = (part: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(part) && part.length <= MAX_TABLE_LENGTH;
  if (parts.length > 0 && parts.length <= 2 && parts.every(isName)) return parts;
  throw new LockConfigError(
    `Expected "table" to be a name such as "nestlock" or "app.nestlock" (letters, digits, underscores; at most ` +
      `${MAX_TABLE_LENGTH} each), got ${show(table)}`,
  );
}
