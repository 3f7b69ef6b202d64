import { EventEmitter } from 'node:events';
import type { RedisBackendOptions } from '../../lib/backends/redis';
import { redisBackend } from '../../lib/backends/redis';
import { LockConfigError } from '../../lib/core/errors';

const URL = 'redis://localhost:6379';
const address = { host: '10.0.0.1', port: 6379 };

/** Nothing is opened in this file: these are refused when the backend is made. */
const errorOf = (target: unknown): LockConfigError => {
  try {
    redisBackend(target as RedisBackendOptions);
  } catch (error) {
    if (error instanceof LockConfigError) return error;
    throw error;
  }
  throw new Error('Expected a LockConfigError');
};

const TARGETS: readonly [unknown, RegExp][] = [
  [undefined, /a URL such as "redis:\/\/localhost:6379", a client of ioredis or options, got undefined\..*unset\?$/],
  [null, /got null\. Is an environment variable unset\?$/],
  [7, /options, got 7\.$/],
  [() => URL, /got a function\.$/],
  [new EventEmitter(), /a client of ioredis or options, got an instance of EventEmitter\.$/],
  [[URL], /to be an object, got an array of 1/],
  [{}, /one of client, url, cluster, sentinels, or options alone, got none of them$/],
  [{ commandTimeout: 100 }, /got none of them$/],
  [{ url: URL, cluster: [address] }, /one of client, url, .*, got url and cluster$/],
  [{ uri: URL }, /Unknown option "uri" of redisBackend\. Did you mean "url"\?/],
  [{ url: URL, host: 'x' }, /Unknown option "host".* Known: client, url,/],
];

const OPTIONS: readonly [string, unknown, RegExp][] = [
  ['client', undefined, /"client" to be a client of ioredis, got undefined/],
  ['client', URL, /"client" to be a client of ioredis, got "redis/],
  ['client', new EventEmitter(), /"client" to be a client of ioredis, got an instance of EventEmitter/],
  ['url', undefined, /"url" to be a URL such as "redis:\/\/localhost:6379", or "rediss:\/\/…" for TLS, got undefined/],
  ['url', '', /got ""$/],
  ['url', 'localhost:6379', /got "localhost:6379"$/],
  ['url', 'http://localhost', /"redis:\/\/localhost:6379".*got "http:\/\/localhost"$/],
  ['url', 'redis://localhost:99999', /got "redis:\/\/localhost:99999"$/],
  ['url', 'redis://localhost/shop', /got "redis:\/\/localhost\/shop"$/],
  ['url', 6379, /got 6379$/],
  ['cluster', undefined, /"cluster" to be a list with at least one address, got undefined/],
  ['cluster', [], /at least one address, got \[\]/],
  ['cluster', 'redis://a,redis://b', /a list with at least one address, got "redis/],
  ['cluster', ['localhost'], /"cluster" to be a URL .*got "localhost"/],
  ['cluster', [address, { host: 'b', port: '6379' }], /"cluster" .*got { host: "b", port: "6379" }/],
  ['cluster', [undefined], /"cluster" .*{ host: "10\.0\.0\.1", port: 6379 }.*, got undefined/],
  ['sentinels', [], /"sentinels" to be a list with at least one address, got \[\]/],
  ['sentinels', [{ port: 26379 }], /"sentinels" .*got { host: undefined, port: 26379 }/],
  ['sentinels', ['redis://a'], /"sentinels" .*, got "redis:\/\/a"/],
];

const EXTRAS: readonly [keyof RedisBackendOptions, unknown, RegExp][] = [
  ['name', '', /Expected "name" with "sentinels", got it without them/],
  ['options', null, /"options" to be an object with ioredis's options, got null/],
  ['options', [], /"options" .*got \[\]/],
  ['commandTimeout', 'soon', /"commandTimeout" to be a duration of at least 10 ms, got "soon"/],
  ['commandTimeout', 9, /at least 10 ms, got 9$/],
  ['commandTimeout', Infinity, /at most \d+ ms, got Infinity/],
  ['notifications', 'false', /"notifications" to be true or false, got "false"/],
  ['replicas', 2, /"replicas" to be an object, got 2/],
  ['replicas', {}, /"replicas\.atLeast" to be an integer from 1 to 100, got undefined/],
  ['replicas', { atLeast: 0 }, /integer from 1 to 100, got 0/],
  ['replicas', { atLeast: 1, within: 5 }, /Unknown option "within" of "replicas"/],
  ['replicas', { atLeast: 1, timeout: 'x' }, /"replicas\.timeout" to be a duration of at least 1 ms, got "x"/],
  ['replicas', { atLeast: 1, timeout: '2s' }, /shorter than "commandTimeout", which is 2000 ms, got 2000/],
];

describe('options of redisBackend that cannot work', () => {
  test.each(TARGETS)('%p', (target, message) => {
    expect(errorOf(target).message).toMatch(message);
  });

  test.each(OPTIONS)('%s: %p', (name, value, message) => {
    expect(errorOf({ [name]: value }).message).toMatch(message);
  });

  test.each(EXTRAS)('%s: %p', (name, value, message) => {
    expect(errorOf({ url: URL, [name]: value }).message).toMatch(message);
  });

  test('a name that is none', () => {
    expect(errorOf({ sentinels: [address], name: 7 }).message).toMatch('"name" to be a non-empty string, got 7');
  });

  test('options that a client passed in would not get', () => {
    const client = { evalsha() {}, duplicate() {}, on() {} };
    expect(errorOf({ client, options: {} }).message).toMatch('"options" without "client"');
  });
});

test.each([
  'redis:/:s3cret@localhost',
  'redis://:s3cret/more@localhost',
  'redis//:s3cret@localhost',
  'http://me:s3cret@localhost',
  ':s3cret@localhost:6379',
  'redis://me:s3cret@localhost:99999',
  'redis://me:s3cret@localhost/shop',
  'localhost:6379?password=s3cret',
])('no password is shown: %s', (url) => {
  expect(errorOf(url).message).not.toMatch(/s3cret/);
  expect(errorOf({ cluster: [url] }).message).not.toMatch(/s3cret/);
});

test.each(['redis://localhost', 'rediss://me:s3cret@cache:6380/2', 'redis://[::1]:6379/', '/run/redis.sock'])(
  'taken as it is: %s',
  (url) => {
    expect(redisBackend(url).name).toBe('redis');
  },
);
