// `npm run chaos -- --backend <name> --minutes <number> --seed <number>`
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { PLACES } from './places';
import { tableOf } from './report';
import { run } from './run';

const USAGE = `npm run chaos -- --backend <name> [--minutes <number>] [--seed <number>] [--members <number>]
                 [--keep <folder>]

Several processes take locks on a real backend, which is started for it, while they and its servers suffer faults. What
they have seen is checked in the end, and the exit code says whether a promise was broken.

  --backend   ${Object.keys(PLACES).join(', ')}
  --minutes   how long; default 1
  --seed      of the faults; default: any
  --members   how many processes; default 4
  --keep      a folder for what each process has seen`;

const OPTIONS = {
  backend: { type: 'string' },
  minutes: { type: 'string', default: '1' },
  seed: { type: 'string', default: String(randomInt(1_000_000)) },
  members: { type: 'string', default: '4' },
  keep: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** @throws Error that says what is wrong */
function read(): { values: ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']; numbers: number[] } {
  const { values } = parseArgs({ options: OPTIONS });
  const [minutes, seed, members] = [values.minutes, values.seed, values.members].map(Number) as [
    number,
    number,
    number,
  ];
  if (values.help) return { values, numbers: [] };
  if (!Object.hasOwn(PLACES, values.backend ?? ''))
    throw new Error(`Expected --backend to be one of those below, got ${JSON.stringify(values.backend)}.`);
  if (!(minutes > 0 && Number.isFinite(minutes)))
    throw new Error(`Expected --minutes to be more than 0, got "${values.minutes}".`);
  if (!Number.isInteger(seed)) throw new Error(`Expected --seed to be a whole number, got "${values.seed}".`);
  if (!Number.isInteger(members) || members < 1 || members > 26)
    throw new Error(`Expected --members to be a whole number from 1 to 26, got "${values.members}".`);
  return { values, numbers: [minutes, seed, members] };
}

async function main(): Promise<number> {
  let options: ReturnType<typeof read>;
  try {
    options = read();
  } catch (error) {
    say(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const { help, backend, keep } = options.values;
  if (help) {
    say(USAGE);
    return 0;
  }
  const [minutes, seed, members] = options.numbers as [number, number, number];
  say(`${backend}, ${minutes} min, seed ${seed}, ${members} processes …`);
  const servers = await PLACES[backend!]!();
  try {
    const report = await run({ place: servers, seed, duration: minutes * 60_000, members, keep });
    say(tableOf(report));
    return report.violations.length === 0 ? 0 : 1;
  } finally {
    await servers.stop();
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);
