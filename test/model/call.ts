import type { Lock } from '../../lib/core/lock';
import type { Booked } from './booked';
import type { CallSpec, InnerSpec } from './program';
import { TTL } from './program';

/** One caller, and all that is to be seen of it from outside. */
export class Call {
  readonly aborts = new AbortController();
  readonly reason: Error;
  /** What its body returns, or throws. */
  readonly value: string;
  readonly error: Error;
  readonly keys: readonly string[];
  readonly isExclusive: boolean;
  readonly permits: number;
  readonly ttl: number;
  readonly deadline: number;
  state: 'waiting' | 'inside' | 'ended' = 'waiting';
  startedAt = Infinity;
  startedRound = Infinity;
  endedRound = Infinity;
  lock: Lock | undefined;
  tokens: ReadonlyMap<string, bigint> = new Map();
  /** By key: what the tokens belong to. */
  readonly grants = new Map<string, Booked>();
  /** Its body has ended, or its handle is being given back. */
  isDone = false;
  /** It was seen not to be held while its body ran. */
  wasLost = false;
  /** How often its signal has aborted. */
  alarms = 0;
  /** By key: when somebody else was last seen to be in its way. */
  readonly lastBlocked = new Map<string, number>();

  constructor(
    readonly number: number,
    readonly by: number,
    readonly spec: Omit<CallSpec, 'by'> & Pick<InnerSpec, 'reentrant'>,
    /** When it was made, on the clock. */
    readonly since: number,
    /** The call whose body has made it. */
    readonly outer: Call | undefined,
  ) {
    this.reason = new Error(`caller ${number} has lost patience`);
    this.error = new Error(`the body of ${number} has failed`);
    this.value = `result of ${number}`;
    this.keys = [...spec.keys].sort();
    this.isExclusive = spec.shared === undefined;
    this.permits = spec.shared ?? 1;
    this.ttl = Math.max(spec.ttl ?? TTL, spec.minHold ?? 0);
    this.deadline = since + (spec.call === 'tryAcquire' ? 0 : (spec.waitTimeout ?? Infinity));
  }

  start(lock: Lock, now: number, round: number): void {
    this.lock = lock;
    this.tokens = lock.fencingTokens;
    this.state = 'inside';
    this.startedAt = now;
    this.startedRound = round;
  }

  get waits(): boolean {
    return this.deadline > this.since;
  }

  /** The keys that are held already on its path. */
  get joined(): readonly string[] {
    return this.keys.filter((key) => this.outer?.keys.includes(key));
  }

  /** The keys that it takes itself. */
  get own(): readonly string[] {
    return this.keys.filter((key) => !this.outer?.keys.includes(key));
  }

  /** Whether it must be told that it is inside already. */
  get isReentry(): boolean {
    if (this.joined.length === 0) return false;
    return this.spec.call !== 'run' || !this.spec.reentrant || (this.isExclusive && !this.outer!.isExclusive);
  }

  /** It should have its lock: its body runs, or its handle was not given back. */
  get isLive(): boolean {
    return this.lock !== undefined && !this.isDone;
  }

  get options() {
    const { call, shared, waitTimeout, minHold, maxHold, ttl, reentrant } = this.spec;
    return {
      signal: this.aborts.signal,
      label: String(this.by),
      ...(shared === Infinity && { mode: 'shared' as const }),
      ...(shared !== undefined && shared !== Infinity && { permits: shared }),
      ...(call !== 'tryAcquire' && waitTimeout !== undefined && { waitTimeout }),
      ...(minHold !== undefined && { minHold }),
      ...(maxHold !== undefined && { maxHold }),
      ...(ttl !== undefined && { ttl }),
      ...(call === 'run' && reentrant && { reentrant }),
    };
  }

  toString(): string {
    const { call, keys, shared } = this.spec;
    return `call ${this.number} (${call} ${keys.join('+')}${shared === undefined ? '' : ` shared by ${shared}`}, process ${this.by})`;
  }
}
