import { checkTable, literal, plain, rowName } from '../../lib/backends/sql/names';
import { LockConfigError } from '../../lib/core/errors';

const KEYS = [
  'order:7',
  'a b',
  'a%20b',
  'a ',
  'a',
  "quote'",
  'back\\slash',
  'Ünïcode',
  'emoji 🎟',
  'tilde~',
  '\u0000',
  '\u0001',
  'line\nbreak',
  'A',
  'é', // composed
  'e\u0301', // decomposed
  'x'.repeat(254),
  'x'.repeat(255),
  'x'.repeat(1_024),
  'x'.repeat(1_023) + 'y',
  'ü'.repeat(1_024),
  'ü'.repeat(1_023) + 'u',
];

test('equal only for equal keys, and as short and plain as every index and encoding takes', () => {
  const names = KEYS.map((key) => rowName('lease', key));
  expect(new Set(names).size).toBe(KEYS.length);
  for (const name of names) expect(name).toMatch(/^[!-~]{1,255}$/);
});

test('usual keys can be read', () => {
  expect(rowName('lease', 'nestlock:order:7')).toBe('lease:nestlock:order:7');
  expect(rowName('transaction', 'a b')).toBe('transaction:a%20b');
});

test('no two strategies have the same row', () => {
  expect(rowName('lease', 'k')).not.toBe(rowName('transaction', 'k'));
});

test('names and labels are literals as they are; nothing else is let through', () => {
  for (const key of KEYS) expect(literal(rowName('optimistic', key))).toMatch(/^'[^'\\]*'$/);
  for (const key of KEYS) expect(literal(plain(key))).toMatch(/^'[^'\\]*'$/);
  for (const text of ["'", '\\', 'ü', '\n', '\u0000', '`' + "'"]) expect(() => literal(text)).toThrow();
});

test.each([
  ['nestlock', ['nestlock']],
  ['app.nestlock', ['app', 'nestlock']],
  ['_Locks2', ['_Locks2']],
])('table %j', (table, parts) => expect(checkTable(table)).toEqual(parts));

test.each([
  [''],
  ['a.b.c'],
  ['a.'],
  ['.a'],
  ['a b'],
  ['a"b'],
  ['a;b'],
  ['2a'],
  ['täble'],
  ['x'.repeat(58)],
  [undefined],
  [7],
  [null],
])('no table %j', (table) => {
  expect(() => checkTable(table)).toThrow(LockConfigError);
  expect(() => checkTable(table)).toThrow(/Expected "table" to be a name such as "nestlock" or "app.nestlock"/);
});
