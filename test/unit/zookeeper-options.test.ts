import { checkZooKeeperOptions } from '../../lib/backends/zookeeper/options';
import { LockConfigError } from '../../lib/core/errors';

const CONNECT = 'localhost:2181';

const errorOf = (target: any): LockConfigError => {
  try {
    checkZooKeeperOptions(target);
  } catch (error) {
    if (error instanceof LockConfigError) return error;
    throw error;
  }
  throw new Error('Expected a LockConfigError');
};

const TARGETS: readonly [unknown, RegExp][] = [
  [undefined, /given addresses such as "localhost:2181", or options, got undefined\..*unset\?$/],
  [null, /got null\. Is an environment variable unset\?$/],
  [7, /or options, got 7\.$/],
  [() => CONNECT, /got a function\.$/],
  [[CONNECT], /to be an object, got an array of 1/],
  [{}, /"connect" to be addresses such as "zk1:2181,zk2:2181", perhaps with a folder behind, "\/app", got undefined$/],
  [{ connect: CONNECT, roots: '/a' }, /Unknown option "roots" of zookeeperBackend\. Did you mean "root"\?/],
  [{ connect: CONNECT, ttl: 1 }, /Unknown option "ttl" of zookeeperBackend\..* Known: connect, sessionTimeout, root,/],
  [{ conect: CONNECT }, /Did you mean "connect"\?/],
];

const ADDRESSES = [
  '',
  ' ',
  ',',
  '/',
  '/app',
  ':2181',
  'a:',
  'a:0',
  'a:65536',
  'a:-1',
  'a:2181,',
  ',a:2181',
  'a:2181,,b:2181',
  'a:2181;b:2181',
  'a b',
  'a:x',
  'a:2181:2182',
  '::1',
  '[::1',
  'zk://a:2181',
  'zookeeper://a',
  'http://a/app',
  'user@a',
  7,
  null,
  ['a:2181'],
];

const CHROOTS: readonly [string, RegExp][] = [
  ['a:2181/app/', /"connect" to end with a path, got "\/app\/", which has a slash too many/],
  ['a:2181//app', /slash too many/],
  ['a:2181/app,b:2181/app/../x', /"\.\."/],
  ['a:2181/zookeeper', /"\/zookeeper" for itself/],
  ['a:2181/a\nb', /characters that ZooKeeper does not take/],
];

const OPTIONS: readonly [string, unknown, RegExp][] = [
  ['sessionTimeout', 99, /"sessionTimeout" to be a duration of at least 100 ms, got 99$/],
  ['sessionTimeout', 'long', /got "long"/],
  ['sessionTimeout', Infinity, /at most \d+ ms, got Infinity/],
  ['root', 'locks', /"root" to be a path such as "\/nestlock", got "locks", which does not begin with a slash/],
  ['root', '', /got "", which does not begin/],
  ['root', '/a/', /got "\/a\/", which has a slash too many/],
  ['root', '/a//b', /slash too many/],
  ['root', '/a/../b', /ZooKeeper does not know "\." and "\.\."/],
  ['root', '/./a', /does not know/],
  ['root', '/zookeeper', /keeps "\/zookeeper" for itself/],
  ['root', '/zookeeper/locks', /for itself/],
  ['root', '/a\u0007b', /characters that ZooKeeper does not take/],
  ['root', '/🎫', /characters that ZooKeeper does not take/],
  ['root', 7, /got 7, which is no text/],
  ['root', null, /got null, which is no text/],
  ['auth', null, /"auth" to be "user:password", got null/],
  ['auth', 7, /"user:password", got 7/],
  ['auth', ['user', 'password'], /got an array of 2/],
  ['curator', 'Mutex', /"curator" to be "readWrite" or "mutex", got "Mutex"/],
  ['curator', 'semaphore', /"readWrite" or "mutex"/],
  ['curator', null, /got null/],
  ['commandTimeout', 9, /"commandTimeout" to be a duration of at least 10 ms, got 9/],
  ['commandTimeout', 'soon', /got "soon"/],
  ['options', null, /"options" to be an object with the client's options, got null/],
  ['options', [], /"options" .*got \[\]/],
  ['options', 'debug', /"options" .*got "debug"/],
];

describe('options of zookeeperBackend that cannot work', () => {
  test.each(TARGETS)('%p', (target, message) => {
    expect(errorOf(target).message).toMatch(message);
  });

  test.each(ADDRESSES)('connect: %p', (connect) => {
    expect(errorOf({ connect }).message).toMatch(/^Expected "connect" to be addresses such as "zk1:2181,zk2:2181"/);
  });

  test.each(CHROOTS)('connect: %p', (connect, message) => {
    expect(errorOf({ connect }).message).toMatch(message);
  });

  test.each(OPTIONS)('%s: %p', (name, value, message) => {
    expect(errorOf({ connect: CONNECT, [name]: value }).message).toMatch(message);
  });
});

test.each(['s3cret', 's3cret:', ':s3cret', ''])('auth that is malformed is not shown: %p', (auth) => {
  const { message } = errorOf({ connect: CONNECT, auth });
  expect(message).toBe('Expected "auth" to be "user:password", got a text that is not');
});

test.each([
  ['a', [['a', 2181]], ''],
  ['a:3000', [['a', 3000]], ''],
  [
    'a,b:3000, c',
    [
      ['a', 2181],
      ['b', 3000],
      ['c', 2181],
    ],
    '',
  ],
  ['10.0.0.1', [['10.0.0.1', 2181]], ''],
  ['[::1]', [['::1', 2181]], ''],
  [
    '[fe80::1]:3000,zk_1.example.com',
    [
      ['fe80::1', 3000],
      ['zk_1.example.com', 2181],
    ],
    '',
  ],
  ['a/', [['a', 2181]], ''],
  [
    'a,b/app/locks',
    [
      ['a', 2181],
      ['b', 2181],
    ],
    '/app/locks',
  ],
] as const)('addresses are taken, with port 2181 unless they have one: %s', (connect, addresses, chroot) => {
  const servers = addresses.map(([host, port]) => ({ host, port }));
  for (const target of [connect, { connect }])
    expect(checkZooKeeperOptions(target)).toMatchObject({ connect, servers, chroot });
});

test('what is not said has a default', () => {
  expect(checkZooKeeperOptions(CONNECT)).toEqual({
    connect: CONNECT,
    servers: [{ host: 'localhost', port: 2181 }],
    chroot: '',
    sessionTimeout: 10_000,
    root: '/nestlock',
    auth: undefined,
    recipe: expect.objectContaining({ name: 'readWrite' }),
    commandTimeout: 2_000,
    options: {},
  });
});

test('all that can be said is taken', () => {
  const said = { connect: CONNECT, sessionTimeout: '250.5ms', root: '/', auth: 'a:b:c', commandTimeout: '1s' };
  expect(checkZooKeeperOptions({ ...said, curator: 'mutex', options: { debug_level: 1 } })).toEqual({
    connect: CONNECT,
    servers: [{ host: 'localhost', port: 2181 }],
    chroot: '',
    sessionTimeout: 251,
    root: '/',
    auth: 'a:b:c',
    recipe: expect.objectContaining({ name: 'mutex' }),
    commandTimeout: 1_000,
    options: { debug_level: 1 },
  });
});
