import type { Frees } from './claims';
import { claimsOf } from './claims';
import type { Overlap } from './exclusion';
import { overlapsAmong, regressionsAmong } from './exclusion';
import type { Disturbance, Section } from './history';
import { length, overlaps } from './intervals';
import { concerning, felt, lateness, leaving, longestIdle, turnsOf, unlucky } from './waiting';

/** What a place promises, which the checker holds it to. */
export interface Promises {
  /** In ms: how long a lock outlives its holder. */
  readonly ttl: number;
  /** Default: in time. */
  readonly frees?: Frees;
  /** Whether holders exclude each other from the start. Default: true. */
  readonly excludes?: boolean;
  /** Whether waiters get their turns in order. Default: true. */
  readonly isFair?: boolean;
  /** Faults after which the store may have forgotten who holds what: then overlaps are counted, and are no violations. */
  readonly forgetfulAfter?: readonly string[];
}

/** What a run was like. A promise that was broken is among the violations. */
export interface Verdict {
  /** How many sections got their locks. */
  readonly sections: number;
  /** How often each error was the answer. */
  readonly errors: Readonly<Record<string, number>>;
  /** How many overlaps broke a promise. */
  readonly overlaps: number;
  /** How many overlaps the store is known to allow there were. */
  readonly knownOverlaps: number;
  /** In ms. */
  readonly longestKnownOverlap: number;
  /** How many tokens came out of order when the store is known to allow it. */
  readonly knownRegressions: number;
  /** The longest time that a lock was free while somebody waited, in ms. */
  readonly longestIdle: number;
  /** By how much later than its deadline an answer came at most, in ms. */
  readonly latest: number;
  /** How often a waiter was passed by the same process at most, and how many could be looked at. */
  readonly mostPasses: number;
  readonly waits: number;
  readonly violations: readonly string[];
}

/** What callers may be told. */
const ERRORS = [
  'LockTimeoutError',
  'LockUnavailableError',
  'LockLostError',
  'LockConflictError',
  'LockTransactionError',
  'AbortError',
  'BodyError',
];

/** How long a fault may be felt when it is over, in ms: clients connect again, servers elect a leader. */
const GRACE = 6_000;
/** What a busy machine may add to every bound, in ms. */
const SLACK = 5_000;
/** How long a lock may stay free while somebody waits for it, besides the ttl of one who was given it and never knew, in ms. */
const IDLE = 3_000;
/** How much later than another process, that gets the lock, the holder may hear of the end of its connection, in ms. */
const NEWS = 1_000;
/** Who asks so often in vain while nothing is wrong will never get a lock. */
const OFTEN = 20;
/** A claim may be in the line already when its process has its turn. */
const PASSES = 2;

export function check(sections: readonly Section[], disturbances: readonly Disturbance[], promises: Promises): Verdict {
  const { ttl, frees = 'in time', excludes = true, isFair = true } = promises;
  const claims = claimsOf(sections, disturbances, frees);
  const violations: string[] = [];

  const found = excludes ? [...claims.values()].flatMap(overlapsAmong) : [];
  const known = found.filter((overlap) => mayOverlap(overlap, disturbances, promises));
  const broken = found.filter((overlap) => !known.includes(overlap));
  violations.push(...broken.map(textOf));

  let knownRegressions = 0;
  for (const [key, list] of claims) {
    for (const claim of excludes ? regressionsAmong(list) : []) {
      // Of two servers that both give locks, one may be heard later than the other, and so its token.
      if (hasForgotten(claim.from, claim.from, disturbances, promises)) knownRegressions++;
      else
        violations.push(`${key}: ${claim.section.asked.id} got the token ${claim.token}, not greater than all before`);
    }
  }

  const allFelt = felt(disturbances, ttl, GRACE);
  let latest = 0;
  for (const section of sections) {
    const late = lateness(section, disturbances);
    if (late > SLACK) violations.push(`${section.asked.id} had no answer ${late} ms after its deadline`);
    else latest = Math.max(latest, late);
    const end = leaving(section, disturbances);
    if (end > ttl + SLACK) violations.push(`${section.asked.id} did not come to its end ${end} ms after its stay`);
    const tooLong = heldFor(section) - (section.asked.maxHold ?? Infinity);
    if (tooLong > 0) violations.push(`${section.asked.id} said held ${tooLong} ms after its maxHold`);
    if (isUnfounded(section, disturbances, allFelt, promises))
      violations.push(`${section.asked.id} was told that it has lost its lock (${section.over!.lost}), for no reason`);
  }
  for (const member of unlucky(sections, allFelt, OFTEN))
    violations.push(`${member} never got a lock though nothing was wrong`);

  const errors: Record<string, number> = {};
  for (const { asked, answered } of sections) {
    const { error, message } = answered ?? {};
    if (error === undefined) continue;
    errors[error] = (errors[error] ?? 0) + 1;
    if (!ERRORS.includes(error)) violations.push(`${asked.id} was told: ${error}: ${message}`);
  }

  const idle = excludes ? longestIdle(sections, claims, allFelt) : 0;
  if (idle > ttl + IDLE) violations.push(`A lock was free for ${Math.round(idle)} ms while somebody waited for it`);
  const turns = turnsOf(sections, claims, allFelt);
  if (isFair && turns.mostPasses > PASSES)
    violations.push(`A waiter was passed ${turns.mostPasses} times by the same process`);

  return {
    sections: sections.filter(({ held }) => held.length > 0).length,
    errors,
    overlaps: broken.length,
    knownOverlaps: known.length,
    knownRegressions,
    longestKnownOverlap: Math.max(0, ...known.map(({ lasted }) => lasted)),
    longestIdle: idle,
    latest,
    ...turns,
    violations,
  };
}

/**
 * A store that may have forgotten the first claim, or one that frees a lock with its connection, whose end the holder hears of
 * a moment later than the next one does.
 */
function mayOverlap({ first, second }: Overlap, disturbances: readonly Disturbance[], promises: Promises): boolean {
  const { asked, over, answered } = first.section;
  // What was not done may have heard of it by a statement, or the COMMIT, a moment before the lock did.
  const isDone = over?.lost === undefined && (answered === undefined || answered.outcome === 'done');
  if (promises.frees === 'at once' && !isDone) {
    const { member } = asked;
    const own = disturbances.filter((each) => each.member === member && overlaps(each, first));
    return first.to - second.from <= NEWS + length(own);
  }
  return hasForgotten(first.from, second.from, disturbances, promises);
}

/** Whether the store may have forgotten at one moment what it knew at the other. */
function hasForgotten(
  before: number,
  after: number,
  disturbances: readonly Disturbance[],
  { forgetfulAfter = [] }: Promises,
): boolean {
  const forgetful = disturbances.filter(({ kind }) => forgetfulAfter.includes(kind));
  return forgetful.some(({ from, to }) => from < after && to + GRACE > before);
}

function heldFor({ held }: Section): number {
  return held.length === 0 ? 0 : held.at(-1)!.at - held[0]!.at;
}

/**
 * A lock that lasts its time is lost before only if the store has forgotten it, and its time ends only if something kept its
 * holder from renewing it.
 */
function isUnfounded(
  { asked, held, over }: Section,
  disturbances: readonly Disturbance[],
  allFelt: readonly Disturbance[],
  promises: Promises,
): boolean {
  const first = held[0];
  if (!first || !over || promises.frees === 'at once') return false;
  if (over.lost === 'expired') {
    return !concerning(asked.member, allFelt).some((each) => overlaps(each, { from: first.at, to: over.at }));
  }
  const isEarly = over.lost === 'session' && over.at < held.at(-1)!.until;
  if (over.lost !== 'stolen' && !isEarly) return false;
  return !hasForgotten(first.at, over.at, disturbances, promises);
}

function textOf({ first, second, lasted }: Overlap): string {
  const [a, b] = [first, second].map(({ section: { asked, over }, from, to }) => {
    const how = `${asked.shared ? 'shared' : 'exclusive'}, ${over ? (over.lost ?? 'given back') : 'not over'}`;
    return `${asked.id} (${how}, from ${from.toFixed(1)} to ${to.toFixed(1)})`;
  });
  return `${first.key}: ${a} and ${b} held it at once for ${lasted.toFixed(1)} ms`;
}
