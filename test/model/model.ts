import type { Lock } from '../../lib/core/lock';
import { LockService } from '../../lib/core/lock-service';
import { gate } from '../unit/support';
import { Call } from './call';
import { Connection } from './connection';
import { Ledger } from './ledger';
import { ModelClock } from './model-clock';
import type { CallSpec, InnerSpec, Program, Step } from './program';
import { FOR_EVER, SHUTDOWN, TTL } from './program';
import { Rules } from './rules';

/** One process, and where it is in its life. */
export interface Process {
  readonly service: LockService;
  readonly connection: Connection;
  drainedAt: number;
  /** `close` was called. */
  isClosing: boolean;
  closedAt: number;
}

/** Three processes and a store, in which a program is played while the rules are watched. */
export class Model {
  readonly clock = new ModelClock();
  readonly calls: Call[] = [];
  readonly ledger: Ledger;
  readonly connections: readonly Connection[];
  readonly processes: readonly Process[];
  readonly maxLocalHandoffs: number;
  /** For how long the event loop was blocked in all, in ms. */
  stalled = 0;
  readonly #rules: Rules;
  readonly #end = gate();

  constructor(private readonly program: Program) {
    const { maxLocalHandoffs } = program;
    this.maxLocalHandoffs = maxLocalHandoffs;
    this.#rules = new Rules(this);
    this.ledger = new Ledger(this.clock, (grant) => this.#rules.onRelease(grant));
    this.connections = [new Connection(this.ledger), new Connection(this.ledger)];
    this.processes = [0, 0, 1].map((index) => {
      const connection = this.connections[index]!;
      const options = { prefix: '', ttl: TTL, waitTimeout: Infinity, shutdownTimeout: SHUTDOWN, maxLocalHandoffs };
      const service = new LockService({ backend: connection.backend, ...options });
      return { service, connection, drainedAt: Infinity, isClosing: false, closedAt: Infinity };
    });
    this.clock.onTick = () => this.#rules.atAnyTime();
  }

  async play(): Promise<void> {
    for (const step of this.program.steps) {
      await this.#do(step);
      this.#rules.atAnyTime();
      this.#rules.throwIfBroken();
    }
    await this.#pass(0);
    for (const connection of this.connections) connection.become('up');
    this.#end.open();
    await this.#letAllEnd();
    await this.#shutDown();
    this.#rules.throwIfBroken();
  }

  /** Whether somebody in the same process has had the lock from this caller, without the store. */
  isPassedOn(call: Call, key: string): boolean {
    const token = call.tokens.get(key)!;
    const grant = call.grants.get(key);
    return this.calls.some((other) => {
      return other.own.includes(key) && other.grants.get(key) === grant && other.tokens.get(key)! > token;
    });
  }

  /** It was closed, or has given up waiting for that. */
  hasShutDown({ isClosing, drainedAt }: Process): boolean {
    return isClosing || this.clock.now() >= drainedAt + SHUTDOWN;
  }

  async #do(step: Step): Promise<void> {
    if ('call' in step) void this.#call(step.by, step);
    else if ('pass' in step) await this.#pass(step.pass);
    else if ('microtasks' in step) for (let i = 0; i < step.microtasks; i++) await Promise.resolve();
    else if ('stall' in step) await this.#stall(step.stall);
    else if ('abort' in step) this.#abort(this.calls[step.abort]);
    else if ('steal' in step) this.ledger.steal(step.steal);
    else if ('endSession' in step) this.ledger.endSession(step.endSession);
    else if ('connection' in step) this.connections[step.connection]!.become(step.is);
    else if ('drain' in step) this.#drain(this.processes[step.drain]!);
    else this.#close(this.processes[step.close]!);
  }

  async #pass(ms: number): Promise<void> {
    await this.clock.pass(ms);
    this.#rules.atRest();
    this.#rules.throwIfBroken();
  }

  /** Not amid of something that takes no time. */
  async #stall(ms: number): Promise<void> {
    await this.clock.pass(0);
    this.stalled += ms;
    this.clock.stall(ms);
  }

  #abort(call: Call | undefined): void {
    call?.aborts.abort(call.reason);
  }

  #drain(process: Process): void {
    process.drainedAt = Math.min(process.drainedAt, this.clock.now());
    process.service.drain();
  }

  #close(process: Process): void {
    this.#drain(process);
    process.isClosing = true;
    void process.service.close().then(() => {
      if (process.closedAt !== Infinity) return;
      process.closedAt = this.clock.now();
      this.#rules.onClosed(process);
    });
  }

  /** Makes the call; resolves when it has ended. */
  #call(by: number, spec: Omit<CallSpec, 'by'> & InnerSpec, outer?: Call): Promise<void> {
    const call = new Call(this.calls.length, by, spec, this.clock.now(), outer);
    this.calls.push(call);
    const ended = this.#take(call).then(
      (value) => this.#rules.onValue(call, value),
      (error: unknown) => this.#rules.onError(call, error),
    );
    this.#rules.onCall(call);
    return ended;
  }

  async #take(call: Call): Promise<unknown> {
    const { service } = this.processes[call.by]!;
    if (call.spec.call === 'run') return service.run(call.keys, (lock) => this.#body(call, lock), call.options);
    const lock = await service[call.spec.call](call.keys, call.options);
    if (!lock) return null;
    this.#rules.onStart(call, lock);
    void this.#use(call).then(() => this.#giveBack(call));
    return lock;
  }

  async #body(call: Call, lock: Lock): Promise<string> {
    this.#rules.onStart(call, lock);
    await this.#use(call);
    this.#rules.atAnyTime();
    call.isDone = true;
    if (call.spec.fails) throw call.error;
    return call.value;
  }

  async #giveBack(call: Call): Promise<void> {
    this.#rules.atAnyTime();
    call.isDone = true;
    this.#rules.onHandleEnd(call);
    await Promise.all([call.lock!.release(), call.lock!.release()]).catch((error: unknown) =>
      this.#rules.fail('6: outcome', `release of ${call} rejects: ${String(error)}`),
    );
  }

  /** What happens while the lock is held. */
  async #use({ spec, number, by }: Call): Promise<void> {
    const { stalls, inside, lasts } = spec as CallSpec;
    if (stalls !== undefined) {
      await this.#after(0, () => {
        this.stalled += stalls;
        this.clock.stall(stalls);
        this.#rules.atAnyTime();
      });
    }
    if (inside) {
      const ended = this.#call(by, inside, this.calls[number]);
      if (!inside.detached) await ended;
    }
    if (lasts !== FOR_EVER) await this.#after(lasts);
    else if (spec.call === 'run' || this.program.givesBack) await this.#end.opened;
    else await new Promise(() => {});
  }

  #after(ms: number, callback?: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.clock.setTimeout(() => {
        callback?.();
        resolve();
      }, ms);
    });
  }

  /** All calls end by themselves, and then everything is free: unless somebody keeps a handle for ever. */
  async #letAllEnd(): Promise<void> {
    if (!this.program.givesBack) return;
    for (let i = 0; i < 200 && this.calls.some(({ state, isLive }) => state !== 'ended' || isLive); i++) {
      await this.#pass(TTL);
    }
    this.#rules.allHaveEnded();
    await this.#pass(5 * TTL);
    for (const { service } of this.processes.filter(({ drainedAt }) => drainedAt === Infinity)) {
      for (const key of ['a', 'b']) {
        const lock = await service.tryAcquire(key);
        if (!lock) this.#rules.fail('9: tryAcquire', `${key} is free, and null all the same`);
        await lock?.release();
      }
    }
  }

  async #shutDown(): Promise<void> {
    for (const process of this.processes) this.#close(process);
    await this.#pass(SHUTDOWN);
    await this.#pass(10 * TTL);
    this.#rules.nothingIsLeft();
  }
}
