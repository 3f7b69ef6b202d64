import type { Claim } from './claims';
import type { Disturbance, Section } from './history';
import type { Interval } from './intervals';
import { length, longest, overlaps, without } from './intervals';

/** Faults in which a process does not run, so that it can neither give an answer nor hear one. */
const STANDSTILLS = ['stop', 'block', 'kill'];

/** By how much later than its deadline a section got its lock or its error, less the time in which its process stood still. */
export function lateness(section: Section, disturbances: readonly Disturbance[]): number {
  const { asked, held, answered } = section;
  const own = disturbances.filter(({ member }) => member === asked.member);
  const at = held[0]?.at ?? answered?.at;
  if (at === undefined) return own.some(({ kind }) => kind === 'kill') ? 0 : Infinity;
  const stood = own
    .filter(({ kind }) => STANDSTILLS.includes(kind))
    .map(({ from, to }) => ({ from: Math.max(from, asked.at), to: Math.min(to, at) }));
  return Math.max(0, at - asked.deadline - length(stood));
}

/** From when to when a section waited; nothing if it did not wait for one single key. */
function waitOf({ asked, held, answered }: Section): Interval | undefined {
  if (!asked.waits || asked.keys.length !== 1) return undefined;
  const to = held[0]?.at ?? answered?.at;
  return to === undefined ? undefined : { from: asked.at, to };
}

/**
 * The longest time that a lock was free while somebody who was able to take it waited for it.
 *
 * @param grace - for how long a fault is felt when it is over, in ms
 */
export function longestIdle(
  sections: readonly Section[],
  claims: ReadonlyMap<string, readonly Claim[]>,
  disturbances: readonly Disturbance[],
  grace: number,
): number {
  const felt = disturbances.map((each) => ({ ...each, to: each.to + grace }));
  const idle = [...claims].map(([key, taken]) => {
    const waits = sections.flatMap((section) => {
      const wait = section.asked.keys[0] === key ? waitOf(section) : undefined;
      const { member } = section.asked;
      return wait
        ? without(
            [wait],
            felt.filter((each) => each.member === undefined || each.member === member),
          )
        : [];
    });
    return longest(without(waits, taken));
  });
  return Math.max(0, ...idle);
}

/**
 * How often at most a section that waited first in its process was passed by the same other process: by a row of sections of
 * it, one after the other, since they may share one turn. Only times without faults count, since who cannot answer may be passed.
 */
export function mostPasses(
  sections: readonly Section[],
  claims: ReadonlyMap<string, readonly Claim[]>,
  disturbances: readonly Disturbance[],
  grace: number,
): number {
  const felt = disturbances.map((each) => ({ ...each, to: each.to + grace }));
  let most = 0;
  for (const section of sections) {
    const wait = waitOf(section);
    const [key] = section.asked.keys;
    if (!wait || section.asked.shared || !section.held[0] || felt.some((each) => overlaps(each, wait))) continue;
    most = Math.max(most, passes(section, wait, claims.get(key!)!));
  }
  return most;
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
