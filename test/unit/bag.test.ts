import type { Bagged } from '../../lib/core/bag';
import { Bag } from '../../lib/core/bag';

class Thing implements Bagged {
  bagIndex = -1;
}

describe('a bag', () => {
  const things = Array.from({ length: 5 }, () => new Thing());
  const [a, b, c, d, e] = things as [Thing, Thing, Thing, Thing, Thing];
  let bag: Bag<Thing>;
  beforeEach(() => {
    bag = new Bag();
    for (const thing of things) {
      thing.bagIndex = -1;
      bag.add(thing);
    }
  });

  const inside = (): boolean[] => things.map((thing) => bag.has(thing));

  it('has each thing once', () => {
    bag.add(c);
    expect(bag.size).toBe(5);
    expect(new Set(bag)).toEqual(new Set(things));
    expect([...bag]).toHaveLength(5);
  });

  it.each([
    ['first', 0],
    ['middle', 2],
    ['last', 4],
  ])('lets go of the %s one, and of no other', (_, i) => {
    bag.delete(things[i]!);
    bag.delete(things[i]!);
    expect(inside()).toEqual(things.map((__, n) => n !== i));
    expect(bag.size).toBe(4);
    bag.add(things[i]!);
    expect(inside()).toEqual([true, true, true, true, true]);
  });

  it('does not take what is in another bag, or in none, for its own', () => {
    const other = new Bag<Thing>();
    const stranger = new Thing();
    expect(bag.has(stranger)).toBe(false);
    other.add(stranger);
    expect(bag.has(stranger)).toBe(false);
    bag.delete(stranger);
    expect(bag.size).toBe(5);
    expect(other.has(stranger)).toBe(true);
  });

  it('shows all that are in it, but for those that are taken out meanwhile', () => {
    const seen: Thing[] = [];
    for (const thing of bag) {
      seen.push(thing);
      if (thing === b) for (const gone of [a, d]) bag.delete(gone);
      if (thing === c) bag.add(new Thing());
    }
    expect(seen).toEqual([a, b, c, e]);
    expect(bag.size).toBe(4);
  });

  it('can be emptied', () => {
    bag.clear();
    expect([...bag]).toEqual([]);
    expect(inside()).toEqual([false, false, false, false, false]);
  });
});
