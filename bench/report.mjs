const format = (digits) =>
  new Intl.NumberFormat('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits });

/** Three digits that count, or all before the point. */
export function number(value) {
  if (!Number.isFinite(value)) return '–';
  return format(value >= 100 ? 0 : value >= 10 ? 1 : 2).format(value);
}

/** The table of all rows: one line for each thing that was compared. */
export function rowsTable(rows) {
  return {
    head: ['case', 'nestlock', 'compared with', 'result', 'goal', 'verdict'],
    body: rows.map(({ title, nestlock = '–', against = '–', result, goal = '–', met }) => [
      title,
      nestlock,
      against,
      result,
      goal,
      met === undefined ? '–' : met ? 'met' : 'MISSED',
    ]),
  };
}

export function asText({ head, body }) {
  const widths = widthsOf([head, ...body]);
  const line = (cells) => cells.map((cell, i) => pad(cell, widths[i], i)).join('   ');
  return [line(head), widths.map((width) => '-'.repeat(width)).join('   '), ...body.map(line)].join('\n');
}

export function asMarkdown({ head, body }) {
  const widths = widthsOf([head, ...body]);
  const line = (cells) => `| ${cells.map((cell, i) => pad(cell, widths[i], i)).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(head), rule, ...body.map(line)].join('\n');
}

const widthsOf = (lines) => lines[0].map((_, i) => Math.max(3, ...lines.map((cells) => cells[i].length)));

/** The first column is text, the others are numbers. */
const pad = (cell, width, column) => (column === 0 ? cell.padEnd(width) : cell.padStart(width));

/** @returns the text of results.md */
export function asReport({ facts, rows, tables }) {
  return (
    [
      '# Results',
      'Written by `npm run bench`. What each case does, and how it is counted, is in [README.md](README.md).',
      facts.map(([name, value]) => `- ${name}: ${value}`).join('\n'),
      asMarkdown(rowsTable(rows)),
      '## All figures',
      ...tables.flatMap((table) => [`### ${table.title}`, ...(table.note ? [table.note] : []), asMarkdown(table)]),
      '',
    ]
      .join('\n\n')
      .trimEnd() + '\n'
  );
}
