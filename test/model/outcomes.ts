import {
  LockLostError,
  LockReentryError,
  LockShutdownError,
  LockTimeoutError,
  LockUnavailableError,
} from '../../lib/core/errors';
import type { Booked } from './booked';
import type { Call } from './call';
import type { Model, Process } from './model';
import type { Fail } from './rules';

/** By which a grant can end before it is used. */
const LOSSES = ['expired', 'stolen', 'session'] as const;

/** How a call may end, from what has happened to it. */
export class Outcomes {
  constructor(
    private readonly model: Model,
    private readonly fail: Fail,
  ) {}

  /** `run` has resolved. */
  ofResult(call: Call, value: unknown): void {
    if (!call.isDone || call.spec.fails || value !== call.value)
      this.#wrong('6: outcome', call, `with ${String(value)}`);
    if (call.wasLost) this.#wrong('6: outcome', call, 'as if its lock had not been lost');
    if (call.isReentry) this.#wrong('5: every call ends', call, 'with a result: it was inside already');
    if (call.spec.minHold === undefined && call.own.some((key) => this.#wasToldAtTheEnd(call, key))) {
      this.#wrong('6: outcome', call, 'as if its release had not been answered with "lost"');
    }
  }

  /** `tryAcquire` has resolved with `null`. */
  ofNull(call: Call): void {
    if (call.spec.call !== 'tryAcquire') this.#wrong('5: every call ends', call, 'with null');
    if (!call.own.some((key) => this.#wasBlocked(call, key))) this.#wrong('9: tryAcquire', call, 'with null');
  }

  ofError(call: Call, error: unknown): void {
    if (error === call.error && call.isDone && call.spec.fails) return;
    if (call.lock) {
      const isResult = call.isDone && !call.spec.fails && error instanceof LockLostError && error.result === call.value;
      if (!isResult) this.#wrong('6: outcome', call, `with ${String(error)}, not with what its body did`);
    }
    if (!this.#isPossible(call, error)) this.#wrong('5: every call ends', call, `with ${String(error)}`);
    if (call.isReentry && !(error instanceof LockReentryError)) {
      this.#wrong('5: every call ends', call, `with ${String(error)}: it was inside already`);
    }
  }

  /** Its lock was just found to be lost. */
  ofLoss(call: Call): void {
    try {
      call.lock!.assertHeld();
      this.fail('7: signal', `${call} has lost its lock, and assertHeld does not say so`);
    } catch (error) {
      const isTrue = error instanceof LockLostError && this.#wasLost(call, error);
      if (!isTrue) this.fail('7: signal', `${call} has lost its lock without a cause: ${String(error)}`);
    }
  }

  #isPossible(call: Call, error: unknown): boolean {
    const { connection, drainedAt } = this.#process(call);
    if (error === call.reason) return call.aborts.signal.aborted;
    if (error instanceof LockReentryError) return call.isReentry && this.#now === call.since;
    if (error instanceof LockUnavailableError)
      return connection.wasRefusingSince(call.since) || this.#cameTooLate(call, error);
    if (error instanceof LockShutdownError) {
      return this.model.hasShutDown(this.#process(call)) || (drainedAt < Infinity && this.#isBusy(call, error));
    }
    if (error instanceof LockTimeoutError) {
      return this.#now >= call.deadline && this.#isBusy(call, error) && !(drainedAt < Infinity && call.waits);
    }
    return error instanceof LockLostError && this.#wasLost(call, error);
  }

  /** It was granted, and lost before it could be used. */
  #cameTooLate(call: Call, { key }: { key?: string }): boolean {
    return key !== undefined && LOSSES.some((reason) => this.#wasLost(call, { key, reason }));
  }

  #isBusy(call: Call, { key }: { key?: string }): boolean {
    return key !== undefined && this.#wasBlocked(call, key);
  }

  /** If nothing is ever late, it is in the way at the very moment that this is said. */
  #wasBlocked(call: Call, key: string): boolean {
    const last = call.lastBlocked.get(key) ?? -Infinity;
    const isPrompt = this.#process(call).connection.isCalm && this.model.stalled === 0;
    return isPrompt ? last === this.#now : last >= call.since;
  }

  #wasLost(call: Call, { key, reason }: Pick<LockLostError, 'key' | 'reason'>): boolean {
    const grants = this.#grants(call, key!);
    const terms = [call, call.outer].flatMap((each) => (each?.spec.maxHold === undefined ? [] : [each]));
    const { connection } = this.#process(call);
    switch (reason) {
      case 'expired':
        if (connection.isCalm && this.model.stalled === 0) return false; // it should have been renewed
        return grants.some(({ provableUntil, provenBefore }) => this.#now >= Math.min(provableUntil, provenBefore));
      case 'stolen':
        return grants.some(({ isStolen, saidLost }) => isStolen || saidLost);
      case 'session':
        return grants.some(({ loss }) => loss);
      case 'maxHold':
        return terms.some(({ spec, since }) => this.#now >= since + spec.maxHold!);
      case 'shutdown':
        return this.model.hasShutDown(this.#process(call));
      case 'released':
        return false;
    }
  }

  /** What its process had of the key since it came. */
  #grants({ by, since, outer }: Call, key: string): Booked[] {
    const from = Math.min(since, outer?.since ?? since);
    return this.model.ledger.grants(key).filter(({ claim, isStolen, toldAt, endedAt }) => {
      return claim.label === String(by) && (isStolen ? toldAt : endedAt) >= from;
    });
  }

  #wasToldAtTheEnd(call: Call, key: string): boolean {
    const grant = call.grants.get(key);
    if (!grant?.saidLost || this.#process(call).connection.was('deaf')) return false;
    if (!grant.isExclusive || grant.toldAt > this.#now || this.#mayHavePassedOn(call, key)) return false;
    return !this.model.isPassedOn(call, key);
  }

  /** To one who wants several keys and never had all: which ones it had is not to be seen from outside. */
  #mayHavePassedOn({ by }: Call, key: string): boolean {
    return this.model.calls.some((other) => {
      return other.by === by && other.lock === undefined && other.own.length > 1 && other.own.includes(key);
    });
  }

  #wrong(rule: string, call: Call, how: string): void {
    this.fail(rule, `${call} ends ${how}`);
  }

  get #now(): number {
    return this.model.clock.now();
  }

  #process(call: Call): Process {
    return this.model.processes[call.by]!;
  }
}
