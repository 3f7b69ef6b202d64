import type { Claim } from './claims';

/** Two claims at once of which one was exclusive, or more shared ones than were permitted. */
export interface Overlap {
  readonly first: Claim;
  readonly second: Claim;
  /** In ms. */
  readonly lasted: number;
}

/** @param claims - on one key, in the order of their beginning */
export function overlapsAmong(claims: readonly Claim[]): Overlap[] {
  const overlaps: Overlap[] = [];
  let inside: Claim[] = [];
  for (const second of claims) {
    inside = inside.filter(({ to }) => to > second.from);
    const { shared, permits = Infinity } = second.section.asked;
    const isFull = shared && inside.length >= permits;
    const rivals = inside.filter((first) => isFull || !(shared && first.section.asked.shared));
    for (const first of rivals) overlaps.push({ first, second, lasted: Math.min(first.to, second.to) - second.from });
    inside.push(second);
  }
  return overlaps;
}

/** Claims with a token that is not greater than that of an exclusive claim before them. */
export function regressionsAmong(claims: readonly Claim[]): Claim[] {
  let newest = -1n;
  return claims.filter(({ token, section }) => {
    if (token === undefined) return false;
    const isGreater = token > newest;
    if (!section.asked.shared && isGreater) newest = token;
    return !isGreater;
  });
}
