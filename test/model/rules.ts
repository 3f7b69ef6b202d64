import { getEventListeners } from 'node:events';
import type { Lock } from '../../lib/core/lock';
import type { Booked } from './booked';
import type { Call } from './call';
import { Holding } from './holding';
import type { Model, Process } from './model';
import { Outcomes } from './outcomes';
import { MAX_TTL, SHUTDOWN } from './program';
import { Waiting } from './waiting';

/** Takes note of a rule that is broken. */
export type Fail = (rule: string, what: string) => void;

/** What must be true, of what is to be seen from outside. The numbers are those of the list in `model.test.ts`. */
export class Rules {
  readonly #broken: string[] = [];
  readonly #outcomes: Outcomes;
  readonly #holding: Holding;
  readonly #waiting: Waiting;

  constructor(private readonly model: Model) {
    const fail: Fail = (rule, what) => this.fail(rule, what);
    this.#outcomes = new Outcomes(model, fail);
    this.#holding = new Holding(model, this.#outcomes, fail);
    this.#waiting = new Waiting(model, fail);
  }

  fail(rule: string, what: string): void {
    this.#broken.push(`(${rule}) at ${this.model.clock.now()}: ${what}`);
  }

  throwIfBroken(): void {
    if (this.#broken.length > 0) throw new Error(this.#broken.slice(0, 3).join('\n'));
  }

  /** The call was just made. */
  onCall(call: Call): void {
    this.#waiting.lookAt(call);
  }

  onStart(call: Call, lock: Lock): void {
    this.#holding.start(call, lock);
    this.atAnyTime();
  }

  onValue(call: Call, value: unknown): void {
    this.#end(call);
    if (call.spec.call === 'run') this.#outcomes.ofResult(call, value);
    else if (value === null) this.#outcomes.ofNull(call);
    if (call.spec.call === 'run') this.#holding.keep(call);
  }

  onError(call: Call, error: unknown): void {
    this.#end(call);
    this.#outcomes.ofError(call, error);
    if (error === call.error) this.#holding.keep(call);
  }

  /** Its handle is about to be given back. */
  onHandleEnd(call: Call): void {
    this.#holding.keep(call);
  }

  /** A process gives a lock back to the store. */
  onRelease(grant: Booked): void {
    this.#holding.checkRelease(grant);
  }

  onClosed({ service, drainedAt }: Process): void {
    if (this.model.clock.now() >= drainedAt + SHUTDOWN) return;
    for (const call of this.model.calls) {
      if (!call.isLive || this.model.processes[call.by]!.service !== service) continue;
      if (call.spec.call === 'run' || call.lock!.held) this.fail('8: end', `close has not waited for ${call}`);
    }
  }

  /** What must be true whenever one looks. */
  atAnyTime(): void {
    for (const call of this.model.calls) {
      if (call.state === 'waiting') this.#waiting.lookAt(call);
    }
    this.#holding.check();
  }

  /** What must be true when everything that takes no time has happened. */
  atRest(): void {
    for (const call of this.model.calls) {
      if (call.state === 'waiting') this.#waiting.check(call);
      if (call.isLive) this.#holding.checkMaxHold(call);
    }
    for (const { isClosing, drainedAt, closedAt } of this.model.processes) {
      const isLate = this.model.clock.now() > drainedAt + SHUTDOWN;
      if (isClosing && closedAt === Infinity && isLate) this.fail('8: end', 'close hangs');
    }
    this.#checkQuiet();
  }

  /** When nobody has or wants anything, nothing is taken, and no timer is left but that of the renewals. */
  #checkQuiet(): void {
    const { clock, calls, connections, processes } = this.model;
    if (calls.some(({ state, isLive }) => state === 'waiting' || isLive)) return;
    const holders = ['a', 'b'].flatMap((key) => this.model.ledger.holders(key));
    for (const { claim } of holders) {
      const process = this.model.processes[Number(claim.label)]!;
      const mayBeKept = calls.some(({ by, spec }) => String(by) === claim.label && spec.minHold !== undefined);
      if (process.connection.isCalm && !this.model.hasShutDown(process) && !mayBeKept)
        this.fail('8: end', `${claim.key} is taken for nobody`);
    }
    // Timers that run out for no use: of a minHold that was lost, of a renewal that came to nothing, of a shutdown's patience.
    const isLong =
      calls.some(({ spec, wasLost }) => spec.minHold !== undefined || wasLost) ||
      processes.some((process) => process.drainedAt < Infinity && !this.model.hasShutDown(process));
    if (holders.length > 0 || isLong || connections.some(({ isCalm }) => !isCalm)) return;
    if (clock.lastDue > clock.now() + MAX_TTL / 3) this.fail('8: end', 'a timer runs for nobody');
  }

  allHaveEnded(): void {
    for (const call of this.model.calls) {
      if (call.state !== 'ended') this.fail('5: every call ends', `${call} does not`);
    }
    this.throwIfBroken();
  }

  nothingIsLeft(): void {
    const { clock, ledger, calls, connections, processes } = this.model;
    this.allHaveEnded();
    if (clock.pending > 0) this.fail('8: end', `${clock.pending} timers are left`);
    for (const leftover of ledger.leftovers) this.fail('8: end', `${leftover} is left`);
    for (const call of calls) {
      if (getEventListeners(call.aborts.signal, 'abort').length > 0) this.fail('8: end', `${call} is listened to`);
      if (call.alarms > 1) this.fail('7: signal', `that of ${call} has aborted ${call.alarms} times`);
    }
    if (processes.some(({ closedAt }) => closedAt === Infinity)) this.fail('8: end', 'close hangs');
    if (connections.some(({ closed }) => closed !== 1)) this.fail('8: end', 'not every backend was closed once');
    this.#waiting.checkOrder();
  }

  #end(call: Call): void {
    if (call.state === 'ended') this.fail('5: every call ends', `${call} has ended twice`);
    this.#waiting.lookAt(call);
    call.state = 'ended';
    call.endedRound = this.model.clock.round;
  }
}
