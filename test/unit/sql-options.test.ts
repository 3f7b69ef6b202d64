import type { LockBackend } from '../../lib/core/backend';
import { LockConfigError } from '../../lib/core/errors';
import { mysqlBackend } from '../../lib/backends/sql/mysql';
import { postgresBackend } from '../../lib/backends/sql/postgres';

type Create = (target: unknown) => LockBackend;

describe.each<[string, Create, string]>([
  ['postgresBackend', postgresBackend as Create, 'postgres://localhost/app'],
  ['mysqlBackend', mysqlBackend as Create, 'mysql://localhost/app'],
])('%s', (name, create, url) => {
  test.each<[string, unknown]>([
    ['a URL', url],
    ['options with a URL', { url }],
    ['options for the driver alone', { options: { host: 'db' } }],
    ['a strategy', { url, strategy: 'transaction', maxConnections: 3 }],
    ['attempts', { url, strategy: 'optimistic', attempts: 1 }],
  ])('takes %s, and opens nothing yet', (_, target) => {
    expect(create(target)).toMatchObject({ acquire: expect.any(Function) });
  });

  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /got undefined\. Is an environment variable unset\?/],
    ['null', null, /got null/],
    ['a number', 5, new RegExp(`Expected ${name}\\(\\) to be given a URL such as "${url}", a pool of`)],
    ['an empty URL', '', /"url" to be a URL such as/],
    ['a URL of something else', 'redis://u:secret@cache', /"url" to be a URL such as .* got "…@cache"/],
    ['an unset URL', { url: undefined }, /"url" to be a URL.*got undefined/],
    ['a pool that is none', { pool: {} }, /"pool" to be a pool of/],
    ['a single client', { query: () => 1, connect: () => 1, on: () => 1 }, /to be given a URL such as/],
    ['both', { url, pool: {} }, /either pool or url, or options alone, got pool and url/],
    ['neither', { strategy: 'lease' }, /either pool or url, or options alone, got none of them/],
    ['another strategy', { url, strategy: 'pessimistic' }, /"strategy" to be one of lease, transaction, optimistic/],
    ['a misspelt option', { url, stratgey: 'lease' }, /Did you mean "strategy"\?/],
    ['a table with a quote', { url, table: 'a"b' }, /"table" to be a name/],
    ['createTable', { url, createTable: 'no' }, /"createTable" to be true or false/],
    ['commandTimeout', { url, commandTimeout: 'soon' }, /"commandTimeout" to be a duration/],
    ['maxConnections', { url, strategy: 'transaction', maxConnections: 0 }, /"maxConnections" to be an integer from 1/],
    ['maxConnections of a lease', { url, maxConnections: 5 }, /"maxConnections" with another strategy than "lease"/],
    ['attempts of another strategy', { url, attempts: 5 }, /"attempts" with the strategy "optimistic"/],
    ['attempts', { url, strategy: 'optimistic', attempts: 0 }, /"attempts" to be an integer from 1/],
    ['options', { url, options: [] }, /"options" to be an object/],
  ])('refuses %s', (_, target, message) => {
    expect(() => create(target)).toThrow(LockConfigError);
    expect(() => create(target)).toThrow(message);
  });

  test('says what it is to the core', () => {
    expect(create({ url, strategy: 'optimistic', attempts: 7 })).toMatchObject({ attempts: 7, transactional: true });
    expect(create({ url, strategy: 'transaction' })).toMatchObject({ attempts: undefined, transactional: true });
    expect(create({ url })).toMatchObject({ attempts: undefined, transactional: false });
  });
});

test('notifications', () => {
  expect(() => postgresBackend({ url: 'postgres://db/app', notifications: 1 as never })).toThrow(/"notifications"/);
  expect(() => postgresBackend({ url: 'postgres://db/app', strategy: 'transaction', notifications: false })).toThrow(
    /"notifications" with the strategy "lease"/,
  );
});

test('CockroachDB', () => {
  const cockroach = { createQueryRunner: () => undefined, options: { type: 'cockroachdb' } };
  for (const target of [cockroach, { pool: cockroach }])
    expect(() => postgresBackend(target)).toThrow('postgresBackend() does not work with CockroachDB');
});
