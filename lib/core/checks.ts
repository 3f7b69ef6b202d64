import ms from 'ms';
import type { LockBackend } from './backend';
import { MAX_TIMER_MS } from './clock';
import { LockConfigError } from './errors';
import { show } from './show';

/** The duration in ms. @throws LockConfigError */
export function checkDuration(name: string, value: unknown, min: number, max = MAX_TIMER_MS): number {
  const duration = typeof value === 'string' ? parse(value) : value;
  if (typeof duration === 'number' && duration >= min && (duration <= MAX_TIMER_MS || duration === max))
    return duration;
  const tooLong = typeof duration === 'number' && duration > MAX_TIMER_MS;
  const bound = tooLong ? `at most ${MAX_TIMER_MS} ms${max === Infinity ? ' or Infinity' : ''}` : `at least ${min} ms`;
  throw expected(name, `a duration of ${bound}`, value);
}

function parse(text: string): number | undefined {
  try {
    return ms(text as Parameters<typeof ms>[0]);
  } catch {
    return undefined; // ms throws for an empty or very long text, and answers undefined for any other that is no duration
  }
}

/** The integer. @throws LockConfigError */
export function checkInteger(name: string, value: unknown, min: number, max: number): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw expected(name, `an integer from ${min} to ${max}`, value);
}

/** Refuses what is no plain options object, and option names that nobody would read. @throws LockConfigError */
export function checkNames(where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new LockConfigError(`Expected the options of ${where} to be an object, got ${show(options)}.`);
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    throw new LockConfigError(
      `Unknown option "${name}" of ${where}. ${near ? `Did you mean "${near}"? ` : ''}Known: ${known.join(', ')}.`,
    );
  }
}

/** @internal */
export function expected(name: string, what: string, got: unknown): LockConfigError {
  return new LockConfigError(`Expected "${name}" to be ${what}, got ${show(got)}`);
}

/** The known name that takes the fewest edits, if that is few enough to be a slip of the hand. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((candidate) => ({ candidate, edits: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  return best && best.edits <= Math.max(2, name.length / 3) ? best.candidate : undefined;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** What can serve as a backend, as far as it can be seen. @throws LockConfigError */
export function checkBackend(backend: unknown): LockBackend {
  const { name, acquire, renew } = (backend ?? {}) as Partial<LockBackend>;
  if (typeof name === 'string' && typeof acquire === 'function' && typeof renew === 'function')
    return backend as LockBackend;
  throw new LockConfigError(
    `Expected "backend" to be a LockBackend, such as memoryBackend(), got ${show(backend)}. ` +
      'Is an environment variable unset, or a promise not awaited?',
  );
}
