import { parseArgs } from 'node:util';
import type { SqlStrategy } from 'nestlock/postgres';
import { chooseStrategy } from '../strategies';
import { demoBackends } from './servers';

export interface Flags {
  readonly help: boolean;
  readonly backend: string;
  readonly url: string | undefined;
  /** Absent for backends that have no choice. */
  readonly strategy: SqlStrategy | undefined;
  readonly processes: number;
  readonly buyers: number;
  readonly seats: number;
}

/** The command line cannot be understood. */
export class UsageError extends Error {}

const names = Object.keys(demoBackends).join(', ');

export const HELP = `npm run demo -- [options]

Sells the seats of one event to too many buyers at once, first without locks, then with them, and compares.

  --backend NAME   where the locks are: ${names} (default: memory)
  --strategy NAME  how a database keeps them: lease, transaction, optimistic (default: lease). With the latter two the
                   seats are in the same database, and a sale is written through the transaction of its lock
  --url URL        a server of your own; without it the demo starts one. In a database of yours it makes the tables
                   ticket_shop_* anew and drops them in the end
  --processes N    app processes, 1 to 32 (default: 1)
  --buyers N       buyers, 1 to 10000 (default: 400)
  --seats N        seats for sale, 1 to 100000 (default: 100)
  --help           this text

Exit code: 0 all is well, 1 locks did not keep what they promise or something failed, 2 wrong options.
`;

/** @throws UsageError */
export function parseFlags(args: readonly string[]): Flags {
  const values = parse(args);
  const backend = values.backend ?? 'memory';
  const flags = {
    help: values.help ?? false,
    backend,
    url: values.url,
    processes: integer('processes', values.processes ?? '1', 32),
    buyers: integer('buyers', values.buyers ?? '400', 10_000),
    seats: integer('seats', values.seats ?? '100', 100_000),
  };
  checkBackend(flags);
  return { ...flags, strategy: strategyFor(backend, values.strategy) };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = {
    help: { type: 'boolean', short: 'h' },
    backend: text,
    url: text,
    strategy: text,
    processes: text,
    buyers: text,
    seats: text,
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function integer(name: string, value: string, max: number): number {
  const number = /^\d+$/.test(value) ? Number(value) : NaN;
  if (number >= 1 && number <= max) return number;
  throw new UsageError(`Expected --${name} to be an integer from 1 to ${max}, got "${value}"`);
}

function strategyFor(backend: string, value: string | undefined): SqlStrategy | undefined {
  try {
    return chooseStrategy('--strategy', value, backend);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function checkBackend({ backend, processes, url }: Omit<Flags, 'strategy'>): void {
  const found = Object.hasOwn(demoBackends, backend) ? demoBackends[backend] : undefined;
  if (!found) throw new UsageError(`There is no backend "${backend}". There is: ${names}`);
  if (found.oneProcess && processes > 1) {
    throw new UsageError(`The ${backend} backend cannot lock ${processes} processes: ${found.oneProcess}.`);
  }
  if (!found.start && url !== undefined) throw new UsageError(`The ${backend} backend has no server: leave out --url.`);
}
