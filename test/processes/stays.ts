import type { Stay } from './worker.fixture';

/** Fails if two were in at once of whom one was exclusive, more than `permits` shared ones, or tokens did not increase. */
export function checkStays(stays: readonly Stay[], permits: number): void {
  const inside = new Set<Stay>();
  const moments = stays.flatMap((stay) => [
    { at: BigInt(stay.from), stay, comes: true },
    { at: BigInt(stay.to), stay, comes: false },
  ]);
  moments.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : Number(a.comes) - Number(b.comes)));
  let newest = 0n;
  for (const { stay, comes } of moments) {
    if (!comes) {
      inside.delete(stay);
      continue;
    }
    inside.add(stay);
    const shared = [...inside].filter((each) => each.shared).length;
    expect(inside.size === 1 || shared === inside.size).toBe(true);
    expect(shared).toBeLessThanOrEqual(permits);
    expect(BigInt(stay.token)).toBeGreaterThan(newest);
    if (!stay.shared) newest = BigInt(stay.token);
  }
}
