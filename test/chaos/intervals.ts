/** From when to when, in ms. */
export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** The same times, in order and without overlaps. */
export function union(intervals: readonly Interval[]): Interval[] {
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of [...intervals].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (to <= from) continue;
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged;
}

/** What is left of the first without the second. Both may overlap among themselves. */
export function without(intervals: readonly Interval[], others: readonly Interval[]): Interval[] {
  const gone = union(others);
  return union(intervals).flatMap(({ from, to }) => {
    const left: Interval[] = [];
    let start = from;
    for (const other of gone) {
      if (other.to <= start) continue;
      if (other.from >= to) break;
      if (other.from > start) left.push({ from: start, to: other.from });
      start = other.to;
    }
    if (start < to) left.push({ from: start, to });
    return left;
  });
}

export function length(intervals: readonly Interval[]): number {
  return union(intervals).reduce((sum, { from, to }) => sum + to - from, 0);
}

export function longest(intervals: readonly Interval[]): number {
  return Math.max(0, ...intervals.map(({ from, to }) => to - from));
}

export function overlaps(a: Interval, b: Interval): boolean {
  return a.from < b.to && b.from < a.to;
}
