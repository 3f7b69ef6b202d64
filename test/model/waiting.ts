import type { Claim } from '../../lib/core/backend';
import type { Booked } from './booked';
import { handOffEnd } from './booked';
import type { Call } from './call';
import type { Model, Process } from './model';
import type { Fail } from './rules';

/** How long a call may need for answers of a slow store, in ms. */
const SLOW = 300;

/** The rules for those who wait for a lock. */
export class Waiting {
  constructor(
    private readonly model: Model,
    private readonly fail: Fail,
  ) {}

  /** Writes down who is in its way. */
  lookAt(call: Call): void {
    for (const key of call.own) {
      if (this.#isBlocked(call, key)) call.lastBlocked.set(key, this.model.clock.now());
    }
  }

  /** Everything that takes no time has happened, and it waits. */
  check(call: Call): void {
    const { connection, drainedAt, isClosing } = this.#process(call);
    const late = connection.isCalm ? 0 : SLOW + this.model.stalled;
    const isLate = this.model.clock.now() > call.deadline + late;
    if (isLate) this.fail('5: every call ends', `${call} waits beyond its deadline`);
    if (call.aborts.signal.aborted) this.fail('5: every call ends', `${call} was aborted and waits`);
    if (isClosing && call.waits) this.fail('5: every call ends', `${call} waits for a service that was closed`);
    if (!connection.isCalm || !call.waits) return;
    if (drainedAt < Infinity) this.fail('5: every call ends', `${call} waits for a service that shuts down`);
    const [key] = call.own;
    if (call.own.length !== 1 || key === undefined) return;
    if (this.#takers(key).length === 0) this.fail('4: order', `${call} waits for a lock that nobody holds`);
    if (!this.#hasPlace(call, key)) this.fail('4: order', `${call} waits, and its process has no place in the store`);
  }

  /** First come, first served: in every process, and in the store by claims. */
  checkOrder(): void {
    const { calls, ledger } = this.model;
    for (const [i, later] of calls.entries()) {
      if (later.own.length !== 1 || later.startedRound === Infinity) continue;
      for (const earlier of calls.slice(0, i)) {
        if (earlier.own.join() !== later.own.join() || earlier.by !== later.by || !earlier.waits) continue;
        if (isPassed(earlier, later)) this.fail('4: order', `${later} has passed ${earlier}`);
      }
    }
    for (const [i, later] of ledger.asked.entries()) {
      for (const earlier of ledger.asked.slice(0, i)) {
        if (earlier.claim.key !== later.claim.key || !earlier.claim.wait) continue;
        if (earlier.endedRound > later.grantedRound) this.fail('4: order', 'a claim has passed another in the store');
      }
    }
  }

  #isBlocked(call: Call, key: string): boolean {
    const grants = this.#takers(key);
    const most = Math.min(call.permits, ...grants.map(({ claim }) => claim.permits));
    if (grants.some(({ isExclusive }) => isExclusive || call.isExclusive) || grants.length >= most) return true;
    const others = this.model.calls.filter((other) => other.state === 'waiting' && other.own.includes(key));
    return others.some((other) => other !== call && this.#mayBeAhead(call, other));
  }

  /** A try is behind whoever came before it. Whoever waits may get a place in the store later: when its neighbours have it. */
  #mayBeAhead(call: Call, other: Call): boolean {
    const isPrompt = call.own.length === 1 && this.#process(call).connection.isCalm;
    return other.number < call.number || !isPrompt || (call.waits && other.by !== call.by);
  }

  /** A process is in the store's line for its callers, unless it has a grant that may still go from hand to hand. */
  #hasPlace({ by }: Call, key: string): boolean {
    const { ledger, calls } = this.model;
    const isOfProcess = ({ claim }: { claim: Claim }): boolean => claim.key === key && claim.label === String(by);
    if (ledger.asked.some((asked) => asked.endedRound === Infinity && isOfProcess(asked))) return true;
    return this.#takers(key).some((grant) => {
      if (!isOfProcess(grant) || this.model.clock.now() >= handOffEnd(grant)) return false;
      const lastToken = grant.fence + BigInt(grant.fences) - 1n;
      return grant.isExclusive && !calls.some(({ own, tokens }) => own.includes(key) && tokens.get(key) === lastToken);
    });
  }

  /** Who has it, or may believe so. */
  #takers(key: string): Booked[] {
    return this.model.ledger.grants(key).filter((grant) => grant.isBooked || grant.mayBeBelieved);
  }

  #process(call: Call): Process {
    return this.model.processes[call.by]!;
  }
}

function isPassed(earlier: Call, later: Call): boolean {
  if (earlier.startedRound === Infinity) return earlier.endedRound > later.startedRound;
  if (earlier.startedRound > later.startedRound) return true;
  const [key] = later.own;
  const [one, other] = [earlier.grants.get(key!), later.grants.get(key!)];
  if (!one || !other || one.isStolen || other.isStolen) return false; // then tokens are not in the order of the grants
  return (earlier.isExclusive || later.isExclusive) && earlier.tokens.get(key!)! > later.tokens.get(key!)!;
}
