import type { VersionedUpdate } from '../../lib/backends/sql/postgres';
import { updateVersioned as updateInMysql } from '../../lib/backends/sql/mysql';
import { updateVersioned } from '../../lib/backends/sql/postgres';
import { versionedUpdate } from '../../lib/backends/sql/update-versioned';
import { LockConfigError, LockConflictError } from '../../lib/core/errors';

const NUMBERED = { quote: '"', parameter: (position: number) => `$${position}` };
const MARKED = { quote: '`', parameter: () => '?' };

test('by the usual columns', () => {
  expect(
    versionedUpdate({ table: 'account', id: 'a1', version: 3, set: { balance: 5, owner: null } }, NUMBERED),
  ).toEqual({
    sql: 'UPDATE "account" SET "balance" = $1, "owner" = $2, "version" = "version" + 1 WHERE "id" = $3 AND "version" = $4',
    values: [5, null, 'a1', 3],
  });
});

test('by other columns, several of them, in a schema', () => {
  const update = { table: 'app.seat', id: { hall: 2, number: 7n }, version: { revision: '9' }, set: { sold: true } };
  expect(versionedUpdate(update, MARKED)).toEqual({
    sql: 'UPDATE `app`.`seat` SET `sold` = ?, `revision` = `revision` + 1 WHERE `hall` = ? AND `number` = ? AND `revision` = ?',
    values: [true, 2, 7n, '9'],
  });
});

test('names are quoted, whatever is in them', () => {
  const { sql } = versionedUpdate({ table: 'a"b', id: 1, version: 1, set: { 'x" = 1; --': 2 } }, NUMBERED);
  expect(sql).toContain('UPDATE "a""b" SET "x"" = 1; --" = $1,');
  expect(versionedUpdate({ table: 'a`b', id: 1, version: 1, set: {} }, MARKED).sql).toContain(
    'UPDATE `a``b` SET `version`',
  );
});

const good: VersionedUpdate = { table: 'account', id: 1, version: 1, set: { balance: 1 } };

test.each<[string, object, RegExp]>([
  ['no table', { table: '' }, /"table" to be the name of a table, got ""/],
  ['no id', { id: undefined }, /"id" to be a value \(string, .*\), or values by column, got undefined/],
  ['an id that is null', { id: null }, /"id" to be/],
  ['an id without columns', { id: {} }, /"id" to be/],
  ['half an id', { id: { hall: 1, number: undefined } }, /"id" to be/],
  ['an id that is a condition', { id: { id: { id: 1 } } }, /"id" to be a value/],
  ['an id that is a list', { id: [1] }, /"id" to be a value/],
  ['a version that is true', { version: true }, /"version" to be a value/],
  ['a version that is a condition', { version: { version: { version: 1 } } }, /"version" to be a value/],
  ['no version', { version: undefined }, /"version" to be/],
  ['two versions', { version: { a: 1, b: 2 } }, /"version" to be a single column/],
  ['no values', { set: null }, /"set" to be values by column/],
  ['a value that is undefined', { set: { balance: undefined } }, /"set.balance" to be a value, or null, got undefined/],
  ['the version among the values', { set: { version: 7 } }, /without the column "version", which is incremented/],
  ['another option', { where: 1 }, /Unknown option "where" of updateVersioned/],
  ['a column without a name', { set: { '': 1 } }, /names of columns and tables, got ""/],
])('%s', (_, change, message) => {
  const update = { ...good, ...change };
  expect(() => versionedUpdate(update, NUMBERED)).toThrow(LockConfigError);
  expect(() => versionedUpdate(update, NUMBERED)).toThrow(message);
});

test.each<[number, (new (...args: never[]) => Error) | undefined]>([
  [0, LockConflictError],
  [1, undefined],
  [2, LockConfigError],
])('%i rows', async (rowCount, type) => {
  const client = { query: async () => ({ rowCount }) };
  const updating = updateVersioned(client, good);
  if (type) await expect(updating).rejects.toThrow(type);
  else await expect(updating).resolves.toBeUndefined();
});

test('MySQL: objects and lists are for columns of JSON', async () => {
  let sent: unknown;
  const connection = {
    async query(_: string, values: unknown): Promise<[unknown, unknown]> {
      sent = values;
      return [{ affectedRows: 1 }, undefined];
    },
  };
  const bytes = Buffer.from('x');
  await updateInMysql(connection, { ...good, set: { tags: ['a'], address: { zip: 1 }, bytes, none: null } });
  expect(sent).toEqual(['["a"]', '{"zip":1}', bytes, null, 1, 1]);
});
