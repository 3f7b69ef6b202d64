import type { Claim } from './claims';
import type { Disturbance, Section } from './history';
import type { Interval } from './intervals';
import { length, longest, overlaps, without } from './intervals';
import { STANDSTILL } from './standstill';

/** Faults in which a process does not run, so that it can neither give an answer nor hear one. */
const STANDSTILLS = ['stop', 'block', STANDSTILL];

/** By how much later than its deadline a section got its lock or its error, less the time in which its process stood still. */
export function lateness(section: Section, disturbances: readonly Disturbance[]): number {
  const { asked, held, answered } = section;
  const at = held[0]?.at ?? answered?.at ?? killedAt(asked.member, disturbances);
  return at - asked.deadline - stoodStill(asked.member, disturbances, { from: asked.at, to: at });
}

/** How long it took from the end of the stay to the answer, less the time in which its process stood still. */
export function leaving({ asked, over, answered }: Section, disturbances: readonly Disturbance[]): number {
  if (!over) return 0;
  const to = answered?.at ?? killedAt(asked.member, disturbances);
  return to - over.at - stoodStill(asked.member, disturbances, { from: over.at, to });
}

function killedAt(name: string, disturbances: readonly Disturbance[]): number {
  return disturbances.find(({ kind, member }) => kind === 'kill' && member === name)?.from ?? Infinity;
}

function stoodStill(name: string, disturbances: readonly Disturbance[], { from, to }: Interval): number {
  const own = disturbances.filter(({ kind, member }) => member === name && STANDSTILLS.includes(kind));
  return length(own.map((each) => ({ from: Math.max(each.from, from), to: Math.min(each.to, to) })));
}

/**
 * The disturbances, for as long as somebody else may feel them: of a killed process, until its locks have run out.
 *
 * @param grace - for how long one is felt when it is over, in ms
 */
export function felt(disturbances: readonly Disturbance[], ttl: number, grace: number): Disturbance[] {
  return disturbances.map((each) => ({ ...each, to: (each.to === Infinity ? each.from + ttl : each.to) + grace }));
}

/** Those that concern a member: its own, and the servers'. */
export function concerning(name: string, disturbances: readonly Disturbance[]): Disturbance[] {
  return disturbances.filter(({ member }) => member === undefined || member === name);
}

/** The members that got no lock at all though they asked so often while they felt nothing wrong with them or with the servers. */
export function unlucky(sections: readonly Section[], known: readonly Disturbance[], often: number): string[] {
  const counts = new Map<string, { asked: number; got: number }>();
  for (const { asked, held, answered } of sections) {
    if (!answered) continue;
    const wait = { from: asked.at, to: answered.at };
    if (concerning(asked.member, known).some((each) => overlaps(each, wait))) continue;
    const count = counts.get(asked.member) ?? { asked: 0, got: 0 };
    counts.set(asked.member, count);
    count.asked++;
    if (held.length > 0) count.got++;
  }
  return [...counts].flatMap(([member, { asked, got }]) => (asked >= often && got === 0 ? [member] : []));
}

/** From when to when a section waited; nothing if it did not wait for one single key. */
function waitOf({ asked, held, answered }: Section): Interval | undefined {
  if (!asked.waits || asked.keys.length !== 1) return undefined;
  const to = held[0]?.at ?? answered?.at;
  return to === undefined ? undefined : { from: asked.at, to };
}

/**
 * The longest time that a lock was free while somebody who was able to take it waited for it. Who waits for several may have
 * it already.
 */
export function longestIdle(
  sections: readonly Section[],
  claims: ReadonlyMap<string, readonly Claim[]>,
  known: readonly Disturbance[],
): number {
  const several = sections.flatMap(({ asked: { keys, at }, held, answered }) =>
    keys.length > 1 ? [{ keys, from: at, to: held[0]?.at ?? answered?.at ?? Infinity }] : [],
  );
  const idle = [...claims].map(([key, taken]) => {
    const waits = sections.flatMap((section) => {
      const wait = section.asked.keys[0] === key ? waitOf(section) : undefined;
      return wait ? without([wait], concerning(section.asked.member, known)) : [];
    });
    const maybeTaken = several.filter(({ keys }) => keys.includes(key));
    return longest(without(waits, [...taken, ...maybeTaken]));
  });
  return Math.max(0, ...idle);
}

/** How often waiters were passed, and how many could be looked at. */
export interface Turns {
  readonly waits: number;
  readonly mostPasses: number;
}

/**
 * How often at most a section that waited first in its process was passed by the same other process: by a row of sections of
 * it, one after the other, since they may share one turn. Only times without faults count, since who cannot answer may be passed.
 */
export function turnsOf(
  sections: readonly Section[],
  claims: ReadonlyMap<string, readonly Claim[]>,
  known: readonly Disturbance[],
): Turns {
  const counts = sections.flatMap((section) => {
    const wait = waitOf(section);
    const [key] = section.asked.keys;
    if (!wait || section.asked.shared || !section.held[0] || wait.to - wait.from <= ON_ITS_WAY) return [];
    return known.some((each) => overlaps(each, wait)) ? [] : [passes(section, wait, claims.get(key!)!)];
  });
  return { waits: counts.length, mostPasses: Math.max(0, ...counts) };
}

/** How long it may take until a claim is in the line, in ms. */
const ON_ITS_WAY = 250;

function passes({ asked }: Section, { from, to }: Interval, claims: readonly Claim[]): number {
  const before = claims.filter((claim) => claim.from > from + ON_ITS_WAY && claim.from < to);
  // Its own process may have been in first, with callers who had come before.
  const own = before.filter(({ section }) => section.asked.member === asked.member).at(-1);
  const turns = before.filter((claim) => !own || claim.from > own.to + ON_ITS_WAY);
  const counts = new Map<string, number>();
  turns.forEach(({ section }, i) => {
    const { member } = section.asked;
    if (turns[i - 1]?.section.asked.member !== member) counts.set(member, (counts.get(member) ?? 0) + 1);
  });
  return Math.max(0, ...counts.values());
}
