// `npm run demo`: sells too few seats to too many buyers, without and with locks, and compares.
import { constants } from 'node:os';
import { keepsLedger } from '../strategies';
import { type Figures, figuresOf } from './figures';
import { type Flags, HELP, parseFlags, UsageError } from './flags';
import { runPhase } from './phase';
import { Progress } from './progress';
import { demoBackends } from './servers';
import { table } from './table';
import { judge } from './verdict';

/** Ctrl-C, or the like. */
class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super('Interrupted.');
  }
}

async function main(args: readonly string[]): Promise<number> {
  const flags = parseFlags(args);
  if (flags.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => interruption.abort(new Interrupted(128 + constants.signals[name])));
  }
  return demonstrate(flags, interruption.signal);
}

async function demonstrate(flags: Flags, signal: AbortSignal): Promise<number> {
  const { backend } = flags;
  console.log(`${introduce(flags)}\n`);
  const server = flags.url === undefined ? await demoBackends[backend]?.start?.() : undefined;
  try {
    const phase = { ...flags, lockUrl: flags.url ?? server?.url, progress: new Progress(), signal };
    const off = await runPhase({ ...phase, locking: false });
    const on = await runPhase({ ...phase, locking: true });
    const verdict = judge(off, on);
    const figures = { off: figuresOf(off), on: figuresOf(on) };
    console.log(`\n${table(figures.off, figures.on, flags)}\n\n${explain(flags, figures)}\n\nChecked with locking on:`);
    for (const { ok, text } of verdict.checks) console.log(`  ${ok ? 'ok    ' : 'FAILED'}  ${text}`);
    if (!verdict.ok) console.log('\nThe locks did not keep what they promise, or something failed: see above.');
    return verdict.ok ? 0 : 1;
  } finally {
    await server?.stop();
  }
}

function introduce({ backend, strategy, buyers, seats, processes }: Flags): string {
  const store = strategy ? `${backend} (strategy: ${strategy})` : backend;
  return (
    `A ticket shop: ${buyers} buyers for ${seats} seats, ${processes} app process${processes > 1 ? 'es' : ''}, ` +
    (keepsLedger(strategy)
      ? `locks and seats in ${store}.`
      : `locks in ${store}. The seats are in an inventory without transactions.`)
  );
}

function explain({ buyers, strategy }: Flags, { off, on }: { off: Figures; on: Figures }): string {
  const lock = keepsLedger(strategy) ? `'event:{eventId}', { instance: 'ledger' }` : `'event:{eventId}'`;
  const compared = `The same ${buyers} buyers came twice: without locks, and with @DistributedLock(${lock}) on the method that sells.`;
  if (off.oversold === 0) {
    return `${compared}\nThis time nothing was oversold without locks either: ask for more seats than there are (--buyers, --seats).`;
  }
  return (
    `${compared}\nWithout, ${off.oversold} seats were sold that did not exist; with locks, ${on.oversold}. ` +
    (strategy === 'optimistic'
      ? 'Nobody waited for a lock: of sales at the same time one was committed, the others were rolled back and done again.'
      : 'The price is in the sales per second: buyers of one event are then served one after the other.')
  );
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    if (error instanceof UsageError) {
      console.error(`${error.message}\nTry "npm run demo -- --help".`);
      process.exitCode = 2;
    } else {
      console.error(`\n${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
    }
  },
);
