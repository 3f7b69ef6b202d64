// `npm run bench` ends up here: runs the cases, each system's against one server, prints the table of their rows, writes
// results.md.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systems } from './cases/index.mjs';
import { factsAbout } from './facts.mjs';
import { plans } from './plans.mjs';
import { asReport, asText, rowsTable } from './report.mjs';

const choices = Object.entries(systems).flatMap(([system, { cases }]) => [system, ...Object.keys(cases)]);

const USAGE = `npm run bench -- [--long] [--only <case>] [--url redis://…]

  --long          takes its time: for figures that are to be quoted
  --only <case>   or all of a system; nothing is written then: ${choices.join(', ')}
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
else if (options.only && !choices.includes(options.only)) fail(`Expected --only to be a case\n\n${USAGE}`);
else await run();

async function run() {
  const plan = options.long ? plans.long : plans.quick;
  const facts = factsAbout(plan);
  const results = [];
  let isComplete = !options.only;
  for (const [system, { open, cases }] of Object.entries(systems)) {
    const names = Object.keys(cases).filter((name) => !options.only || [system, name].includes(options.only));
    if (names.length === 0) continue;
    const bench = await open({ url: options.url, plan }).catch(({ message }) => fail(message));
    if (!bench) {
      isComplete = false;
      continue;
    }
    for (const name of names) {
      console.error(`${name} …`);
      const result = await cases[name](bench);
      results.push(result);
      for (const problem of result.problems ?? []) fail(`${name}: ${problem}`);
    }
    facts.push(...(await bench.facts()));
    bench.close();
  }
  const rows = results.flatMap((result) => result.rows);
  const tables = results.flatMap((result) => result.tables ?? []);
  if (rows.length > 0) console.log(`\n${asText(rowsTable(rows))}\n`);
  if (isComplete) writeFileSync(new URL('results.md', import.meta.url), asReport({ facts, rows, tables }));
  else for (const table of tables) console.log(`${table.title}\n\n${asText(table)}\n`);
}

function fail(message) {
  console.error(message);
  process.exitCode = 1;
}
