export const sum = (values) => values.reduce((total, value) => total + value, 0);

export const median = (values) => percentile(values, 0.5);

/** The smallest value that so many (0 to 1) of all values do not exceed. */
export function percentile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted.length === 0 ? NaN : sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/** How many sections of one lock began before the one before them had ended. */
export function overlaps(sections) {
  const inOrder = sections.toSorted((a, b) => a.entered - b.entered);
  return inOrder.filter((section, i) => i > 0 && section.entered < inOrder[i - 1].left).length;
}
