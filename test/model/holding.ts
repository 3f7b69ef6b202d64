import { LockLostError } from '../../lib/core/errors';
import type { Lock } from '../../lib/core/lock';
import type { Booked } from './booked';
import { handOffEnd } from './booked';
import type { Call } from './call';
import type { Model } from './model';
import type { Outcomes } from './outcomes';
import { SHUTDOWN } from './program';
import type { Fail } from './rules';

/** A lock that must stay taken although its caller is done with it. */
interface Keep {
  readonly call: Call;
  readonly grant: Booked;
  readonly until: number;
}

/** The rules for those who have a lock. */
export class Holding {
  readonly #keeps: Keep[] = [];
  /** By key: the greatest token of anybody, and of an exclusive holder. */
  readonly #tokens = new Map<string, { all: bigint; exclusive: bigint }>();

  constructor(
    private readonly model: Model,
    private readonly outcomes: Outcomes,
    private readonly fail: Fail,
  ) {}

  start(call: Call, lock: Lock): void {
    const { clock, ledger } = this.model;
    call.start(lock, clock.now(), clock.round);
    for (const [key, token] of call.tokens) {
      const grant = ledger.of(key, token);
      if (grant) call.grants.set(key, grant);
    }
    if (call.number % 4 !== 3) this.#listen(call, lock); // the others look at the signal only when it is over
    for (const key of call.own) this.#checkToken(call, key);
  }

  check(): void {
    for (const call of this.model.calls) if (call.isLive) this.#checkHold(call);
    for (const key of ['a', 'b']) this.#checkExclusion(key);
    for (const keep of this.#keeps) this.#checkKeep(keep);
  }

  /** Nothing is freed under a running body, but under one that hangs beyond `maxHold`. */
  checkRelease(grant: Booked): void {
    for (const call of this.model.calls) {
      const { maxHold = Infinity } = call.spec;
      if (!call.isLive || call.spec.call !== 'run' || this.#now >= call.startedAt + maxHold + call.ttl) continue;
      if (grant.isBooked && call.own.some((key) => call.grants.get(key) === grant)) {
        this.fail('1: exclusion', `the lock is freed under the running body of ${call}`);
      }
    }
  }

  /** One ttl after `maxHold` at the latest the lock is free, though the body hangs. */
  checkMaxHold(call: Call): void {
    const { maxHold } = call.spec;
    if (maxHold === undefined || this.#now < call.startedAt + maxHold + call.ttl) return;
    for (const key of call.own) {
      if (call.grants.get(key)?.isBooked) this.fail('8: end', `${call} hangs, and its lock is never freed`);
    }
  }

  /** It ends, and what it has must stay taken for its `minHold`. */
  keep(call: Call): void {
    const { minHold } = call.spec;
    if (minHold === undefined || call.wasLost || call.own.length !== 1) return;
    const grant = call.grants.get(call.own[0]!);
    if (grant?.isBooked) this.#keeps.push({ call, grant, until: call.startedAt + minHold });
  }

  #checkHold(call: Call): void {
    const lock = call.lock!;
    const isHeld = lock.held;
    if (isHeld && call.wasLost) this.fail('7: signal', `${call} has lost its lock and holds it again`);
    if (!isHeld && !call.wasLost) this.outcomes.ofLoss(call);
    if (!isHeld) call.wasLost = true;
    if (lock.signal.aborted === isHeld) this.fail('7: signal', `${call}: both held and aborted are ${isHeld}`);
    if (lock.remainingTime() > 0 !== isHeld) this.fail('2: truth', `${call}: held is ${isHeld}, but for how long?`);
    if (!isHeld) return;
    for (const key of call.keys) {
      const grant = call.grants.get(key);
      if (!grant?.isBooked && !grant?.mayBeBelieved) this.fail('2: truth', `${call} believes to hold ${key}`);
    }
    const { maxHold } = call.spec;
    if (maxHold !== undefined && call.own.length > 0 && this.#now >= call.startedAt + maxHold) {
      this.fail('2: truth', `${call} is held for longer than maxHold`);
    }
    const { closedAt, drainedAt } = this.model.processes[call.by]!;
    if (Math.min(closedAt, drainedAt + SHUTDOWN + this.model.stalled) < this.#now)
      this.fail('8: end', `${call} is held after the shutdown`);
  }

  #checkExclusion(key: string): void {
    const holders = new Map<bigint, Call>();
    for (const call of this.model.calls) {
      if (!call.isLive || !call.lock!.held || !call.grants.get(key)?.isBooked) continue;
      const token = call.tokens.get(key)!;
      if (!holders.has(token)) holders.set(token, call); // whoever joins has the same token
    }
    const all = [...holders.values()];
    const most = Math.min(...all.map(({ grants }) => grants.get(key)!.claim.permits));
    if (all.length > most) this.fail('1: exclusion', `${key} is held by ${all.join(', ')}`);
  }

  #checkToken(call: Call, key: string): void {
    const token = call.tokens.get(key);
    const grant = call.grants.get(key);
    if (token === undefined || !grant) return this.fail('3: tokens', `${call} has a token of nobody's grant`);
    const turn = Number(token - grant.fence);
    if (turn > this.model.maxLocalHandoffs) this.fail('4: order', `${call} has the lock in turn ${turn}`);
    const mayBeLate = this.model.stalled > 0 && !this.model.processes[call.by]!.connection.isCalm;
    if (turn > 0 && call.keys.length === 1 && this.#now >= handOffEnd(grant) && !mayBeLate) {
      this.fail('4: order', `${call} has got the lock from hand to hand after its time`);
    }
    if (!grant.isBooked) return; // somebody else may be ahead of it already
    const { all, exclusive } = this.#tokens.get(key) ?? { all: 0n, exclusive: 0n };
    if (token <= (call.isExclusive ? all : exclusive)) this.fail('3: tokens', `that of ${call} is not greater`);
    this.#tokens.set(key, { all: token > all ? token : all, exclusive: call.isExclusive ? token : exclusive });
  }

  #checkKeep({ call, grant, until }: Keep): void {
    if (this.#now >= until || grant.isStolen) return;
    const isFreed = grant.endedAt < until;
    if (isFreed || this.model.isPassedOn(call, call.own[0]!)) {
      this.fail('1: exclusion', `the minHold of ${call} is not kept`);
    } else if (!grant.isBooked && this.model.stalled === 0 && this.model.processes[call.by]!.connection.isCalm) {
      this.fail('1: exclusion', `the minHold of ${call} has run out in the store`);
    }
  }

  #listen(call: Call, lock: Lock): void {
    lock.signal.addEventListener('abort', () => {
      call.alarms++;
      if (lock.held) this.fail('7: signal', `that of ${call} has aborted while it is held`);
      if (!(lock.signal.reason instanceof LockLostError)) this.fail('7: signal', `${call} does not learn why`);
    });
  }

  get #now(): number {
    return this.model.clock.now();
  }
}
