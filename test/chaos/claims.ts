import type { Disturbance, Section } from './history';
import type { Interval } from './intervals';

/** A lock on one key, for as long as its holder was entitled to believe in it. */
export interface Claim extends Interval {
  readonly key: string;
  readonly section: Section;
  /** `undefined` if the backend has no tokens. */
  readonly token: bigint | undefined;
}

/** When a store frees the locks of a process that has died: when their time is up, or when its connections end. */
export type Frees = 'in time' | 'at once';

/** The claims on each key, in the order of their beginning. */
export function claimsOf(
  sections: readonly Section[],
  disturbances: readonly Disturbance[],
  frees: Frees,
): ReadonlyMap<string, Claim[]> {
  const killed = new Map(
    disturbances.flatMap(({ kind, member, from }) => (kind === 'kill' && member ? [[member, from] as const] : [])),
  );
  const claims = new Map<string, Claim[]>();
  for (const section of sections) {
    const first = section.held[0];
    if (!first) continue;
    const to = endOf(section, frees, killed.get(section.asked.member));
    section.asked.keys.forEach((key, i) => {
      const token = first.tokens[i];
      const claim = { key, section, from: first.at, to, token: token === undefined ? undefined : BigInt(token) };
      if (!claims.has(key)) claims.set(key, []);
      claims.get(key)!.push(claim);
    });
  }
  for (const list of claims.values()) list.sort((a, b) => a.from - b.from);
  return claims;
}

/**
 * Until it was given back. A lock that ran out was claimed until the last end that it promised, also while its process was
 * stopped or dead; one that its backend found lost before, or that ends with its connection, until it last said that it was
 * held.
 */
function endOf({ held, over }: Section, frees: Frees, killedAt = Infinity): number {
  const promised = Math.max(...held.map(({ until }) => until));
  const ends = frees === 'at once' ? [promised, killedAt] : [promised];
  if (!over) return Math.min(...ends);
  const wasGivenBack = over.lost === undefined;
  const ranOut = frees === 'in time' && (over.lost === 'expired' || over.lost === 'shutdown');
  return wasGivenBack || ranOut ? Math.min(over.at, promised) : held.at(-1)!.at;
}
