import { markOf, namesOf, prefixOf, RECIPES, standingOf } from '../../lib/backends/zookeeper/contenders';

const { readWrite, mutex } = RECIPES;
const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
/** As `String.format("%010d")` of Java writes it, which counts the minus sign. */
const digits = (n: number): string => (n < 0 ? `-${String(-n).padStart(9, '0')}` : String(n).padStart(10, '0'));

let made = 0;
const write = (n: number): string => `${prefixOf(uuid(++made))}__WRIT__${digits(n)}`;
const read = (n: number, permits?: number): string =>
  `${prefixOf(uuid(++made))}${markOf(readWrite, { mode: 'shared', permits: permits ?? Infinity })}${digits(n)}`;
const lock = (n: number): string => `${prefixOf(uuid(++made))}lock-${digits(n)}`;

/** Where the last of them stands, whatever the order in which the server lists them. */
function standingOfLast(...names: string[]): unknown {
  const own = names.at(-1)!;
  const standings = [names, [...names].reverse(), [...names].sort()].map((list) => standingOf(own, list, readWrite));
  expect(new Set(standings.map((each) => JSON.stringify(each))).size).toBe(1);
  return standings[0];
}

describe('names of nodes', () => {
  test('are those of Apache Curator', () => {
    expect(prefixOf(uuid(7)) + markOf(readWrite, { mode: 'exclusive', permits: 1 })).toBe(`_c_${uuid(7)}-__WRIT__`);
    expect(prefixOf(uuid(7)) + markOf(readWrite, { mode: 'shared', permits: Infinity })).toBe(`_c_${uuid(7)}-__READ__`);
    expect(prefixOf(uuid(7)) + markOf(mutex, { mode: 'exclusive', permits: 1 })).toBe(`_c_${uuid(7)}-lock-`);
  });

  test('have the permits in them', () => {
    expect(markOf(readWrite, { mode: 'shared', permits: 3 })).toBe('p3-__READ__');
  });

  test.each([Infinity, 3])('are not there for shared claims on a mutex (%p permits)', (permits) => {
    expect(() => markOf(mutex, { mode: 'shared', permits })).toThrow("For shared ones and permits, use { curator: 're");
  });
});

describe('who has the lock', () => {
  test('the only one', () => {
    expect(standingOfLast(write(0))).toBe('held');
    expect(standingOfLast(read(0))).toBe('held');
    const own = lock(1);
    expect(standingOf(own, [own], mutex)).toBe('held');
  });

  test('a writer waits for the one right before it, whatever that is', () => {
    const nearest = write(7);
    expect(standingOfLast(read(3), nearest, write(12), write(9))).toEqual({ behind: nearest });
    const reader = read(8);
    expect(standingOfLast(write(3), reader, write(9))).toEqual({ behind: reader });
  });

  test('a reader waits for the last writer before it, not for readers', () => {
    const nearest = write(7);
    expect(standingOfLast(write(3), nearest, read(8), write(12), read(9))).toEqual({ behind: nearest });
    expect(standingOfLast(read(7), read(8), write(10), read(9))).toBe('held');
  });

  test('nobody cares who came later', () => {
    expect(standingOfLast(write(5), write(4))).toBe('held');
    expect(standingOfLast(write(6), read(5, 1), read(4))).toBe('held');
  });

  test('on a mutex each waits for the one right before it', () => {
    const [first, second, third] = [lock(8), lock(9), lock(10)];
    expect(standingOf(third, [second, third, first], mutex)).toEqual({ behind: second });
    expect(standingOf(first, [second, third, first], mutex)).toBe('held');
  });

  test('names with other prefixes count: of old versions of Curator, and of those who have none', () => {
    expect(standingOfLast('__WRIT__0000000003', write(4))).toEqual({ behind: '__WRIT__0000000003' });
    const own = lock(5);
    expect(standingOf(own, ['lock-0000000004', own], mutex)).toEqual({ behind: 'lock-0000000004' });
  });
});

describe('permits', () => {
  test('as many as there are, then no more', () => {
    expect(standingOfLast(read(1, 2), read(2, 2))).toBe('held');
    expect(standingOfLast(read(1, 2), read(2, 2), read(3, 2))).toBe('crowded');
  });

  test('the least number that anybody before has set counts', () => {
    expect(standingOfLast(read(1, 2), read(2, 9), read(3, 9))).toBe('crowded');
    expect(standingOfLast(read(1, 2), read(2), read(3))).toBe('crowded');
    expect(standingOfLast(read(1), read(2), read(3, 2))).toBe('crowded');
    expect(standingOfLast(read(1, 3), read(2, 9), read(3, 9))).toBe('held');
  });

  test('those who come later set nothing', () => {
    expect(standingOfLast(read(1), read(9, 1), read(2))).toBe('held');
  });

  test('a writer before comes first', () => {
    const writer = write(1);
    expect(standingOfLast(writer, read(2, 1), read(3, 1))).toEqual({ behind: writer });
  });
});

describe('numbers', () => {
  test.each([
    ['from the greatest to the smallest', 2_147_483_647, -2_147_483_648],
    ['from eleven characters to ten', -1_000_000_000, -999_999_999],
    ['from below zero to zero', -1, 0],
    ['some way around', 2_147_483_600, -2_147_483_600],
    ['not as texts', 999_999_999, 1_000_000_000],
  ])('go on, %s', (_, before, after) => {
    const first = write(before);
    expect(standingOfLast(write(after), first)).toBe('held');
    expect(standingOfLast(first, write(after))).toEqual({ behind: first });
    expect(standingOfLast(read(before, 1), read(after, 1))).toBe('crowded');
  });

  test('go on in a mutex, where a minus sign comes after a hyphen', () => {
    const numbers = [2_147_483_647, -2_147_483_648, -999_999_999, -1, 0, 1];
    for (const [i, number] of numbers.slice(1).entries()) {
      const [before, own] = [lock(numbers[i]!), lock(number)];
      expect(standingOf(own, [own, before], mutex)).toEqual({ behind: before });
      expect(standingOf(before, [own, before], mutex)).toBe('held');
    }
  });
});

describe('nodes that this recipe does not know', () => {
  const OTHERS = ['foo', 'foo0000000001', '__READ__', '__WRIT__000000001', `${'a'.repeat(32)}__lock__0000000001`];

  test.each([...OTHERS, lock(1), '__READ__0000000001-x'])('%s, beside a writer', (name) => {
    const own = write(2);
    const look = (): unknown => standingOf(own, [own, name], readWrite);
    expect(look).toThrow(
      `has a child "${name}", and { curator: 'readWrite' } knows only "…__WRIT__0000000001" and "…__R`,
    );
    expect(look).toThrow(expect.objectContaining({ name: 'LockConfigError' }));
  });

  test.each([...OTHERS, write(1), read(1), read(1, 3)])('%s, beside a mutex', (name) => {
    const own = lock(2);
    expect(() => standingOf(own, [name, own], mutex)).toThrow(
      `child "${name}", and { curator: 'mutex' } knows only "…lock-0000000001":`,
    );
  });

  test('they are an error wherever they stand in the line', () => {
    const own = write(2);
    expect(() => standingOf(own, [own, lock(9)], readWrite)).toThrow('has a child');
  });
});

describe('the own node', () => {
  test('is absent if it is not among the children, or has no name yet', () => {
    expect(standingOf(write(1), [write(2)], readWrite)).toBe('absent');
    expect(standingOf(undefined, [write(2)], readWrite)).toBe('absent');
    expect(standingOf(write(1), [], readWrite)).toBe('absent');
  });

  test('may be several: first come first', () => {
    const [id, other] = [uuid(1_000), uuid(1_001)];
    const own = [2_147_483_646, 2_147_483_647, -2_147_483_648, -2_147_483_600].map(
      (n) => `${prefixOf(id)}__WRIT__${digits(n)}`,
    );
    const names = [own[2]!, `${prefixOf(other)}__WRIT__0000000001`, own[0]!, own[3]!, own[1]!];
    expect(namesOf(id, names, readWrite)).toEqual(own);
    expect(namesOf(uuid(1_002), names, readWrite)).toEqual([]);
  });

  test('is known by the whole id', () => {
    const name = `${prefixOf(uuid(1_000))}__WRIT__0000000001`;
    expect(namesOf(uuid(1_000).slice(0, -1), [name], readWrite)).toEqual([]);
    expect(namesOf(uuid(1_000), [name], readWrite)).toEqual([name]);
  });
});
