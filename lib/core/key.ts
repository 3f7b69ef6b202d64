import { LockKeyError } from './errors';
import { show } from './show';

/** The longest key, in UTF-16 code units. */
export const MAX_KEY_LENGTH = 1_024;

/** One key, or several to be held together. */
export type LockKey = string | readonly string[];

/** Checks a single key. @throws LockKeyError */
export function checkKey(key: unknown): string {
  if (typeof key !== 'string') throw expected('a string', show(key));
  if (key === '') throw expected('a non-empty string', '""');
  if (key.length > MAX_KEY_LENGTH) {
    throw expected(`at most ${MAX_KEY_LENGTH} characters long`, `${key.length} characters ("${key.slice(0, 40)}…")`);
  }
  if (LONE_SURROGATE.test(key)) throw expected('well-formed Unicode', show(key));
  return key;
}

/** A half of a surrogate pair on its own: every store would write it as the same replacement character. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** The keys, without duplicates and in the order in which everybody takes them. @throws LockKeyError */
export function checkKeys(key: unknown): readonly string[] {
  if (!Array.isArray(key)) return [checkKey(key)];
  if (key.length === 0) throw expected('a string or a non-empty array of strings', '[]');
  return [...new Set(Array.from(key, (each) => checkKey(each)))].sort(); // map() would skip holes
}

function expected(what: string, got: string): LockKeyError {
  return new LockKeyError(`Expected the lock key to be ${what}, got ${got}.`);
}
