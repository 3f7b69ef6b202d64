import type { Answer } from './load';
import type { PhaseResult } from './phase';

/** The numbers of the table. Seats are counted from the shop's ledger, not from what buyers were told. */
export interface Figures {
  readonly seats: number;
  readonly asked: number;
  readonly sold: number;
  readonly oversold: number;
  readonly seatsLeft: number;
  /** Purchases. */
  readonly sales: number;
  readonly soldOut: number;
  readonly busy: number;
  readonly failed: number;
  /** In ms, as are the waiting times. */
  readonly duration: number;
  /** Up to the last sale. */
  readonly salesPerSecond: number;
  readonly waitP50: number;
  readonly waitP99: number;
  /** Ticks of the report job's clock, and how often the job ran in all processes together. */
  readonly ticks: number;
  readonly reportRuns: number;
}

export function figuresOf({
  seats,
  answers,
  ledger,
  seatsLeft,
  duration,
  timeToLastSale,
  runsPerTick,
}: PhaseResult): Figures {
  const sold = seatsIn(ledger);
  const count = (outcome: Answer['outcome']) => answers.filter((answer) => answer.outcome === outcome).length;
  const waits = answers.map(({ waited }) => waited).sort((a, b) => a - b);
  return {
    seats,
    asked: seatsIn(answers),
    sold,
    oversold: Math.max(0, sold - seats),
    seatsLeft,
    sales: ledger.length,
    soldOut: count('soldOut'),
    busy: count('busy'),
    failed: count('failed'),
    duration,
    salesPerSecond: timeToLastSale === 0 ? 0 : ledger.length / (timeToLastSale / 1_000),
    waitP50: percentile(waits, 50),
    waitP99: percentile(waits, 99),
    ticks: runsPerTick.length,
    reportRuns: runsPerTick.reduce((sum, runs) => sum + runs, 0),
  };
}

export function seatsIn(things: readonly { readonly seats: number }[]): number {
  return things.reduce((sum, { seats }) => sum + seats, 0);
}

/** Nearest rank. */
function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0;
}
