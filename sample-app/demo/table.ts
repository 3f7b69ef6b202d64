import type { Figures } from './figures';

const count = (value: number) => String(value);
const seconds = (value: number) => `${(value / 1_000).toFixed(2)} s`;
const millis = (value: number) => `${Math.round(value)} ms`;

type Row = readonly [label: string, name: keyof Figures, format: (value: number) => string];

const ROWS: readonly Row[] = [
  ['seats for sale', 'seats', count],
  ['seats asked for', 'asked', count],
  ['seats sold', 'sold', count],
  ['seats oversold', 'oversold', count],
  ['seats left, says the stock', 'seatsLeft', count],
  ['buyers who got seats', 'sales', count],
  ['buyers refused: sold out', 'soldOut', count],
  ['buyers refused: busy', 'busy', count],
  ['buyers who met an error', 'failed', count],
  ['duration', 'duration', seconds],
  ['sales per second, to the last', 'salesPerSecond', (value) => value.toFixed(1)],
  ['wait for an answer, p50', 'waitP50', millis],
  ['wait for an answer, p99', 'waitP99', millis],
];

/** Of one process they say nothing. */
const FLEET_ROWS: readonly Row[] = [
  ['cron ticks', 'ticks', count],
  ['cron runs in the whole fleet', 'reportRuns', count],
];

/** Both runs side by side. */
export function table(off: Figures, on: Figures, { processes }: { processes: number }): string {
  const rows = [
    ['', 'locking off', 'locking on'],
    ...[...ROWS, ...(processes > 1 ? FLEET_ROWS : [])].map(([label, name, format]) => [
      label,
      format(off[name]),
      format(on[name]),
    ]),
  ];
  const width = (column: number) => Math.max(...rows.map((row) => row[column]!.length));
  const widths = [width(0), width(1), width(2)];
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[i]!))),
  );
  const rule = widths.map((n) => '-'.repeat(n));
  return [lines[0]!, rule, ...lines.slice(1)].map((cells) => cells.join('   ').trimEnd()).join('\n');
}
