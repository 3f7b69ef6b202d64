import fc from 'fast-check';
import { keysOf } from '../../lib/backends/redis/keys';

/** What a Cluster hashes of a key: the text between the first brace and the next closing one, if there is any. */
function hashTag(key: string): string {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  return open === -1 || close <= open + 1 ? key : key.slice(open + 1, close);
}

const names = fc.string({
  unit: fc.constantFrom('{', '}', ':', 'a', 'b', ' ', 'lock', 'shared', 'fence'),
  minLength: 1,
  maxLength: 8,
});

test('all keys of a lock are in one slot of a Cluster', () => {
  fc.assert(fc.property(names, (name) => expect(new Set(keysOf(name).map(hashTag)).size).toBe(1)));
});

test('no two locks have a key in common, not even when one has the name of a key of the other', () => {
  const tails = fc.constantFrom('', ...keysOf('x').map((key) => key.slice('{x}'.length)));
  fc.assert(
    fc.property(names, names, tails, (one, some, tail) => {
      const other = tail ? one + tail : some;
      fc.pre(one !== other);
      const keys = [...keysOf(one), ...keysOf(other)];
      expect(new Set(keys).size).toBe(keys.length);
    }),
  );
});

test('the lock itself has the name that the field uses', () => {
  expect(keysOf('nestlock:order:1')[0]).toBe('{nestlock:order:1}');
});
