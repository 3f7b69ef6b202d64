import type { Report } from './run';

/** How many violations are shown. */
const SHOWN = 20;

/** What a run was like, for people. */
export function tableOf(report: Report): string {
  const { faults, errors, violations } = report;
  const rows: [string, string | number][] = [
    ['sections', report.sections],
    ['faults', list(faults)],
    ['errors of callers', list(errors)],
    ['two at once', report.overlaps],
    ['two at once where the store cannot do better', overlaps(report)],
    ['tokens out of order then', report.knownRegressions],
    ['lost updates where tokens are checked', report.lostFenced],
    ['stale writes refused by their tokens', report.refused],
    ['lost updates without tokens', report.lostOpen],
    ['longest time free while somebody waited', ms(report.longestIdle)],
    ['latest answer after its deadline', ms(report.latest)],
    ['most times passed by the same process', `${report.mostPasses}, of ${report.waits} who waited in peace`],
    ['broken promises', violations.length],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  const more = violations.length > SHOWN ? [`… and ${violations.length - SHOWN} more`] : [];
  return [...lines, ...violations.slice(0, SHOWN).map((violation) => `BROKEN: ${violation}`), ...more].join('\n');
}

function overlaps({ knownOverlaps, longestKnownOverlap }: Report): string {
  return knownOverlaps === 0 ? '0' : `${knownOverlaps}, for ${ms(longestKnownOverlap)} at most`;
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}

function list(counts: Readonly<Record<string, number>>): string {
  return (
    Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ') || 'none'
  );
}
