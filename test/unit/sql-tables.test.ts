import type { Database } from '../../lib/backends/sql/database';
import type { Dialect } from '../../lib/backends/sql/dialect';
import { Tables } from '../../lib/backends/sql/tables';
import { FakeClock } from '../../lib/testing';

test('a statement that comes after the end leaves no timer', async () => {
  const clock = new FakeClock();
  const dialect = { tables: { check: async () => undefined } } as unknown as Dialect;
  const tables = new Tables({} as Database, dialect, { table: ['nestlock'], createTable: true }, clock);
  await tables.ensure();
  expect(clock.pending).toBe(1);
  tables.close();
  expect(await tables.use(async () => 'done')).toBe('done');
  expect(clock.pending).toBe(0);
});
