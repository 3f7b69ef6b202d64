import fc from 'fast-check';
import { faultOf, heartbeatPath, join, nodeNameOf, parentOf } from '../../lib/backends/zookeeper/paths';

/** Characters that mean something to somebody, and any others. */
const keys = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom(
      '/',
      '%',
      '.',
      '2',
      'F',
      'E',
      '5',
      'sessions',
      'a',
      'é',
      '\0',
      '\u007f',
      '\ue000',
      '\ufffd',
      '🎫',
    ),
    minLength: 1,
    maxLength: 6,
  }),
);

/** What the documentation of ZooKeeper's data model rules out, and what would be another node. */
function isTaken(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) return false;
  return [...Array(name.length).keys()].every((i) => {
    const unit = name.charCodeAt(i);
    const isControl = unit <= 0x1f || (unit >= 0x7f && unit <= 0x9f);
    return !isControl && !(unit >= 0xd800 && unit <= 0xf8ff) && unit < 0xfff0;
  });
}

describe('the name of the node for a key', () => {
  test('has only what ZooKeeper takes', () => {
    fc.assert(fc.property(keys, (key) => expect([key, isTaken(nodeNameOf(key))]).toEqual([key, true])));
  });

  test('is no other key’s, since the key can be read from it as from a URL', () => {
    fc.assert(fc.property(keys, (key) => expect(decodeURIComponent(nodeNameOf(key))).toBe(key)));
  });

  test('is never that of the sessions', () => {
    const sessions = parentOf(heartbeatPath('/r', 'abc')).slice('/r/'.length);
    const near = fc.oneof(keys, fc.constantFrom(sessions, encodeURIComponent(sessions), `%25${sessions.slice(1)}`));
    expect(sessions).toBe('%sessions');
    fc.assert(fc.property(near, (key) => expect(nodeNameOf(key)).not.toBe(sessions)));
  });

  test.each([
    ['nestlock:order:7', 'nestlock:order:7'],
    ['größe 日本', 'größe 日本'],
    ['a/b', 'a%2Fb'],
    ['50%', '50%25'],
    ['.', '%2E'],
    ['..', '%2E%2E'],
    ['...', '...'],
    ['a.b', 'a.b'],
    ['🎫', '%F0%9F%8E%AB'],
    ['\n', '%0A'],
    ['\u0085', '%C2%85'],
    ['\ue000', '%EE%80%80'],
  ])('%j is %s', (key, name) => {
    expect(nodeNameOf(key)).toBe(name);
  });
});

describe('paths', () => {
  test.each(['/', '/a', '/a/b.c/größe', '/a/...', '/zookeepers', '/a/zookeeper', '/%25'])('%s can be used', (path) => {
    expect(faultOf(path)).toBeUndefined();
  });

  test.each([
    ['locks', /slash/],
    ['', /slash/],
    ['/a/', /slash too many/],
    ['//', /slash too many/],
    ['/a//b', /slash too many/],
    ['/a/../b', /"\.\."/],
    ['/.', /"\."/],
    ['/zookeeper', /for itself/],
    ['/zookeeper/a', /for itself/],
    ['/a\n', /characters/],
    ['/a\0b', /characters/],
    ['/🎫', /characters/],
  ])('%j cannot', (path, why) => {
    expect(faultOf(path)).toMatch(why);
  });

  test('are put together and taken apart, below the root of everything too', () => {
    expect([join('/', 'a'), join('/a', 'b')]).toEqual(['/a', '/a/b']);
    expect([parentOf('/a'), parentOf('/a/b/c')]).toEqual(['/', '/a/b']);
    expect(heartbeatPath('/', '1f')).toBe('/%sessions/1f');
  });
});
