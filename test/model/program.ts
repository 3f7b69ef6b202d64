import fc from 'fast-check';

/** Processes that share one store. The first two share a connection as well, as two set-ups of one application do. */
export type Process = 0 | 1 | 2;

/** What one caller does. */
export interface CallSpec {
  readonly call: 'run' | 'acquire' | 'tryAcquire';
  readonly by: Process;
  readonly keys: readonly string[];
  /** The permits of a shared lock; absent: exclusive. */
  readonly shared?: number;
  readonly waitTimeout?: number;
  /** How long the body takes, or after how long the handle is given back, in ms. */
  readonly lasts: number;
  readonly fails?: true;
  /** For so long the body blocks the event loop of all, in ms. */
  readonly stalls?: number;
  readonly minHold?: number;
  readonly maxHold?: number;
  readonly ttl?: number;
  /** What the body of `run` asks for, on its own path. */
  readonly inside?: InnerSpec;
}

/** What a body does inside its section: the rest as `CallSpec`. */
export interface InnerSpec extends Omit<CallSpec, 'by' | 'inside'> {
  readonly reentrant?: true;
  /** The body does not await it. */
  readonly detached?: true;
}

export type Step =
  | CallSpec
  | { readonly pass: number }
  /** So many steps of the microtask queue: somebody comes, leaves or fails amid of something that takes no time. */
  | { readonly microtasks: number }
  | { readonly stall: number }
  /** The caller with this number loses patience. */
  | { readonly abort: number }
  /** The store gives the lock away, and tells whoever asks. */
  | { readonly steal: string }
  /** The store gives the lock away, and tells its holders at once. */
  | { readonly endSession: string }
  | { readonly connection: 0 | 1; readonly is: Weather }
  | { readonly drain: Process }
  | { readonly close: Process };

/** What a connection is like: no fault, late, refusing, claims only, or renewals that come when it is too late. */
export type Weather = 'up' | 'slow' | 'refusing' | 'deaf' | 'stuck';

/** A random program, and what holds for all of it. */
export interface Program {
  readonly maxLocalHandoffs: number;
  /** Whether handles that are kept for ever are given back when the program has ended. */
  readonly givesBack: boolean;
  readonly steps: readonly Step[];
}

export const TTL = 1_000;
/** The longest one that a call may ask for. */
export const MAX_TTL = 3_000;
export const SHUTDOWN = 2_000;
/** Longer than any program. */
export const FOR_EVER = 1_000_000;

const keys = fc.constantFrom(['a'], ['a'], ['b'], ['b', 'a']);
const process = fc.constantFrom<Process[]>(0, 1, 2);
const lasts = fc.constantFrom(0, 1, 20, 50, 700, 2_500, FOR_EVER);
const shared = fc.constantFrom(1, 2, Infinity);
const hold = {
  shared,
  fails: fc.constant(true as const),
  stalls: fc.constantFrom(40, 5_000),
  minHold: fc.constantFrom(30, 300, 1_500),
  maxHold: fc.constantFrom(1_500, 4_000),
  ttl: fc.constantFrom(400, MAX_TTL),
};

const inner: fc.Arbitrary<InnerSpec> = sparse(
  // Never for ever: whoever waits inside for somebody who waits inside is in a deadlock of its own making.
  { call: fc.constantFrom('run', 'run', 'acquire', 'tryAcquire'), keys, lasts: fc.constantFrom(0, 20, 700), waitTimeout: fc.constantFrom(0, 30, 3_000) }, // prettier-ignore
  { ...hold, reentrant: fc.constant(true), detached: fc.constant(true) },
  { reentrant: 3 },
);

/** Callers of which most ask for no more than what the theme is about. */
function caller(theme: { keys?: fc.Arbitrary<string[]>; lasts?: fc.Arbitrary<number> }): fc.Arbitrary<CallSpec> {
  return sparse(
    { call: fc.constantFrom('run', 'run', 'run', 'acquire', 'tryAcquire'), by: process, keys, lasts, ...theme },
    { ...hold, waitTimeout: fc.constantFrom(0, 30, 300, 3_000), inside: inner },
    { shared: 2, waitTimeout: 2 },
  ).map(withoutNonsense);
}

const pass = fc.oneof(
  { weight: 3, arbitrary: fc.record({ pass: fc.constantFrom(0, 1, 20, 40, 100, 400, 1_500) }) },
  { weight: 1, arbitrary: fc.record({ microtasks: fc.integer({ min: 1, max: 20 }) }) },
);
const stall = fc.record({ stall: fc.constantFrom(20, 400, 5_000) });
const abort = fc.record({ abort: fc.nat(12) });
const key = fc.constantFrom('a', 'b');
const losses = fc.oneof(stall, fc.record({ steal: key }), fc.record({ endSession: key }));
const weather = fc.record({
  connection: fc.constantFrom(0 as const, 1 as const),
  is: fc.constantFrom<Weather[]>('up', 'slow', 'slow', 'refusing', 'deaf', 'stuck'),
});
const shutdown = fc.oneof(fc.record({ drain: process }), fc.record({ close: process }));

/** What the programs are about: each theme has the same rules, and finds what the others hide. */
export const themes = {
  'callers who come and go': program([6, caller({})], [4, pass], [1, abort]),
  'a hot key': program(
    [8, caller({ keys: fc.constant(['a']), lasts: fc.constantFrom(0, 0, 1, 20, 50) })],
    [4, fc.record({ pass: fc.constantFrom(1, 20, 40, 100, 400) })],
    [1, abort],
  ),
  'locks that are lost': program([6, caller({})], [4, pass], [1, abort], [3, losses]),
  'connections that fail': program([6, caller({})], [4, pass], [1, abort], [1, losses], [3, weather]),
  'processes that shut down': program([7, caller({})], [5, pass], [1, abort], [2, shutdown], [1, losses], [2, weather]),
};

function program(...parts: readonly [number, fc.Arbitrary<Step>][]): fc.Arbitrary<Program> {
  return fc.record({
    maxLocalHandoffs: fc.constantFrom(0, 1, 2, 3, 32),
    givesBack: fc.boolean(),
    steps: fc.array(fc.oneof(...parts.map(([weight, arbitrary]) => ({ weight, arbitrary }))), {
      minLength: 1,
      maxLength: 30,
      size: 'max',
    }),
  });
}

/** A record with all of `always`, and each of `sometimes` once in a while: the more often, the more `weights` says. */
function sparse(
  always: Record<string, fc.Arbitrary<unknown>>,
  sometimes: Record<string, fc.Arbitrary<unknown>>,
  weights: Record<string, number>,
): fc.Arbitrary<any> {
  const rare = Object.entries(sometimes).map(
    ([name, arbitrary]) =>
      [
        name,
        fc.oneof(
          { weight: 12 - 3 * (weights[name] ?? 0), arbitrary: fc.constant(undefined) },
          { weight: 1 + 2 * (weights[name] ?? 0), arbitrary },
        ),
      ] as const,
  );
  return fc
    .record({ ...always, ...Object.fromEntries(rare) })
    .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)));
}

/** Without options that the call does not take, or that contradict each other. */
function withoutNonsense<T extends CallSpec | InnerSpec>(spec: T): T {
  const { waitTimeout, reentrant, inside, ...rest } = spec as CallSpec & InnerSpec;
  return {
    ...rest,
    ...(waitTimeout !== undefined && spec.call !== 'tryAcquire' && { waitTimeout }),
    ...(spec.call === 'run' && reentrant && { reentrant }),
    ...(spec.call === 'run' && inside && { inside: withoutNonsense(inside) }),
  } as unknown as T;
}
