// `npm run bench` ends up here: runs the cases against one Redis, prints the table of their rows, writes results.md.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openBench } from './bench.mjs';
import { cases } from './cases/index.mjs';
import { factsAbout } from './facts.mjs';
import { plans } from './plans.mjs';
import { asReport, asText, rowsTable } from './report.mjs';

const USAGE = `npm run bench -- [--long] [--only <case>] [--url redis://…]

  --long          takes its time: for figures that are to be quoted
  --only <case>   ${Object.keys(cases).join(', ')}; nothing is written then
  --url <address> a Redis that runs already and does nothing else; default: one is started
`;

const { values: options } = parseArgs({
  options: {
    long: { type: 'boolean' },
    only: { type: 'string' },
    url: { type: 'string' },
    help: { type: 'boolean' },
  },
});

if (options.help) console.log(USAGE);
else if (options.only && !Object.hasOwn(cases, options.only)) fail(`Expected --only to be a case\n\n${USAGE}`);
else await run();

async function run() {
  const plan = options.long ? plans.long : plans.quick;
  const bench = await openBench({ url: options.url, plan }).catch(({ message }) => fail(message));
  if (!bench) return;
  const results = [];
  for (const name of options.only ? [options.only] : Object.keys(cases)) {
    console.error(`${name} …`);
    const result = await cases[name](bench);
    results.push(result);
    for (const problem of result.problems ?? []) fail(`${name}: ${problem}`);
  }
  const rows = results.flatMap((result) => result.rows);
  const tables = results.flatMap((result) => result.tables ?? []);
  console.log(`\n${asText(rowsTable(rows))}\n`);
  if (options.only) for (const table of tables) console.log(`${table.title}\n\n${asText(table)}\n`);
  else
    writeFileSync(new URL('results.md', import.meta.url), asReport({ facts: await factsAbout(bench), rows, tables }));
  bench.close();
}

function fail(message) {
  console.error(message);
  process.exitCode = 1;
}
