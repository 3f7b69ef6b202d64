import type { LockMode } from '../../core/backend';
import { LockConfigError } from '../../core/errors';

/** How the nodes of a kind of lock are called. */
export interface Recipe {
  readonly name: 'readWrite' | 'mutex';
  /** The end of a name, before its number, in each of the modes that there are. */
  readonly marks: Readonly<Partial<Record<LockMode, string>>>;
}

/** As Apache Curator has it, so that its users can share the locks: `InterProcessReadWriteLock`, `InterProcessMutex`. */
export const RECIPES: Readonly<Record<Recipe['name'], Recipe>> = {
  readWrite: { name: 'readWrite', marks: { exclusive: '__WRIT__', shared: '__READ__' } },
  mutex: { name: 'mutex', marks: { exclusive: 'lock-' } },
};

/** A node in the line for a lock. */
interface Contender {
  readonly mode: LockMode;
  /** Its number: 32 bits with a sign, after the greatest comes the smallest. */
  readonly number: number;
  /** How many shared holders it allows, itself included. */
  readonly permits: number;
}

/** Where a claim stands: it has the lock; it is behind one that it has to watch; there are too many; it has no node. */
export type Standing = 'held' | 'crowded' | 'absent' | { readonly behind: string };

/** How the names of an attempt begin. Curator calls it "protection": they are found though the answer was lost. */
export function prefixOf(id: string): string {
  return `_c_${id}-`;
}

/** The rest of their names, up to the number. @throws LockConfigError when the recipe has no such mode */
export function markOf(recipe: Recipe, { mode, permits }: Pick<Contender, 'mode' | 'permits'>): string {
  const mark = recipe.marks[mode];
  if (mark === undefined) {
    throw new LockConfigError(
      `Locks with { curator: '${recipe.name}' } are exclusive. For shared ones and permits, use { curator: 'readWrite' }`,
    );
  }
  return mode === 'shared' && Number.isSafeInteger(permits) ? `p${permits}-${mark}` : mark;
}

/**
 * Looks where a node stands among all children of the lock's node. Each waits for those before it only, so nobody is
 * overtaken, and whoever may hold the lock once may hold it until its node is gone.
 *
 * @throws LockConfigError when a child is of another kind
 */
export function standingOf(own: string | undefined, names: readonly string[], recipe: Recipe): Standing {
  if (own === undefined || !names.includes(own)) return 'absent';
  const { mode, number, permits } = parse(own, recipe);
  let limit = permits;
  let holders = 1;
  let nearest: { readonly name: string; readonly number: number } | undefined;
  for (const name of names) {
    const other = parse(name, recipe);
    if (!isBefore(other.number, number)) continue;
    if (mode === 'exclusive' || other.mode === 'exclusive') {
      if (!nearest || isBefore(nearest.number, other.number)) nearest = { name, number: other.number };
    } else {
      holders++;
      limit = Math.min(limit, other.permits);
    }
  }
  if (nearest) return { behind: nearest.name };
  return holders <= limit ? 'held' : 'crowded';
}

/** The names of an attempt, first come first: there may be several when answers were lost. */
export function namesOf(id: string, names: readonly string[], recipe: Recipe): readonly string[] {
  const own = names.filter((name) => name.startsWith(prefixOf(id)));
  if (own.length < 2) return own;
  return own.sort((a, b) => (isBefore(parse(a, recipe).number, parse(b, recipe).number) ? -1 : 1));
}

function parse(name: string, { name: recipe, marks }: Recipe): Contender {
  for (const mode of ['exclusive', 'shared'] as const) {
    const mark = marks[mode];
    const digits = mark === undefined ? undefined : NUMBERS[mark]!.exec(name)?.[1];
    if (digits === undefined) continue;
    const limit = mode === 'shared' ? PERMITS.exec(name)?.[1] : undefined;
    return { mode, number: Number(digits), permits: limit === undefined ? Infinity : Number(limit) };
  }
  const known = Object.values(marks).map((mark) => `"…${mark}0000000001"`);
  throw new LockConfigError(
    `The node of this lock has a child "${name}", and { curator: '${recipe}' } knows only ${known.join(' and ')}: ` +
      'whoever made it would not see our nodes. Use the same recipe everywhere, or another "root"',
  );
}

/** What ZooKeeper appends to the marks: a number of ten characters, or of a minus sign and ten digits. */
const NUMBERS: Readonly<Record<string, RegExp>> = {
  __WRIT__: /__WRIT__(\d{10}|-\d{9,10})$/,
  __READ__: /__READ__(\d{10}|-\d{9,10})$/,
  'lock-': /lock-(\d{10}|-\d{9,10})$/,
};
const PERMITS = /^_c_[\da-f-]{36}-p(\d+)-/;

/** As serial numbers compare, which go around (RFC 1982). */
function isBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}
