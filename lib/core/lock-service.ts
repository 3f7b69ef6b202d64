import { randomInt } from 'node:crypto';
import type { LockBackend, Outcome } from './backend';
import { checkBackend, checkNames } from './checks';
import type { Clock } from './clock';
import { LockConfigError, LockConflictError, LockReentryError, LockTimeoutError } from './errors';
import type { Hold } from './hold';
import type { LockKey } from './key';
import { checkKey, checkKeys } from './key';
import { LockEngine } from './lock-engine';
import type { Lock } from './lock';
import { LockSet } from './lock-set';
import type { AcquireOptions, LockServiceOptions, RunOptions, Settings, Terms, TryAcquireOptions } from './options';
import { SERVICE_OPTIONS, checkSettings, checkTerms } from './options';
import type { Section } from './sections';
import { Sections } from './sections';
import { show } from './show';

/** How a `LockService` is set up outside of Nest. */
export interface LockServiceInit extends LockServiceOptions {
  /** Where the locks are kept. */
  backend: LockBackend;
  /** Name of the set-up, for events. */
  instance?: string | undefined;
  /** Where warnings go (a lost lock, a failed release). Default: nowhere. */
  warn?: (message: string) => void;
}

/** The longest pause before the first rerun of a body that met a conflict, in ms; doubles with the next ones, to 128 times. */
const CONFLICT_PAUSE = 10;

/**
 * Takes locks, holds them while work runs, and gives them back. One for each set-up of the module; to be injected.
 *
 * @example
 * await this.locks.run(`order:${id}`, async (lock) => {
 *   await this.orders.ship(id, { fencingToken: lock.fencingToken, signal: lock.signal });
 * });
 */
export class LockService {
  readonly #settings: Settings;
  readonly #backend: LockBackend;
  readonly #engine: LockEngine;
  readonly #sections = new Sections();
  readonly #warn: (message: string) => void;

  /** @throws LockConfigError when an option or the backend cannot work */
  constructor({ backend, instance, warn = () => undefined, ...options }: LockServiceInit) {
    checkNames('LockService', options, SERVICE_OPTIONS);
    this.#settings = checkSettings(options);
    this.#backend = checkBackend(backend);
    this.#engine = new LockEngine(backend, this.#settings, { instance, warn });
    this.#warn = warn;
  }

  /** What time it is for the locks: the backend's clock. @internal */
  get clock(): Clock {
    return this.#engine.clock;
  }

  /**
   * Takes the lock (or several at once, all or nothing), runs `fn`, and gives the lock back when it has settled.
   *
   * Resolves and rejects as `fn` does. If the lock was lost meanwhile, `fn` is awaited all the same; then its own error,
   * or else `LockLostError` with its result, is what `run` rejects with.
   *
   * @throws LockTimeoutError, LockUnavailableError, LockLostError, LockConflictError, LockReentryError, LockKeyError,
   * LockConfigError, LockNotReadyError (shut down), or the reason of an aborted `signal`
   */
  async run<T>(key: LockKey, fn: (lock: Lock) => T | PromiseLike<T>, options: RunOptions = {}): Promise<T> {
    const keys = checkKeys(key);
    const terms = checkTerms('run', options, this.#settings);
    if (typeof fn !== 'function')
      throw new LockConfigError(`Expected the body of run() to be a function, got ${show(fn)}`);
    terms.signal?.throwIfAborted();
    this.#checkFit(keys, terms);
    const since = this.#engine.clock.now();
    const { attempts = 5 } = this.#backend;
    const joined = this.#join(keys, terms);
    const missing = joined.length === 0 ? keys : keys.filter((each) => !joined.some((hold) => hold.key === each));
    try {
      let conflict: LockConflictError | undefined;
      for (let attempt = 1; ; attempt++) {
        if (attempt > 1) await this.#pause(attempt);
        let own: readonly Hold[];
        try {
          own =
            missing.length === 1
              ? [await this.#engine.take(missing[0]!, terms, since)]
              : await this.#engine.takeAll(missing, terms, since);
        } catch (error) {
          throw conflict && error instanceof LockTimeoutError ? conflict : error; // too late for another attempt
        }
        const end = await this.#runBody(own, joined, fn);
        if (!end.conflict) return end.result;
        conflict = new LockConflictError(keys.join(', '), { attempts: attempt, cause: end.error });
        if (attempt >= attempts) throw conflict;
      }
    } finally {
      for (const hold of joined) hold.leave();
    }
  }

  /**
   * Takes the lock and returns it; the caller must release it. Prefer `run`, which cannot forget that.
   *
   * @example
   * await using lock = await locks.acquire('report');
   *
   * @throws as `run`
   */
  async acquire(key: LockKey, options: AcquireOptions = {}): Promise<Lock> {
    return this.#acquire(key, 'acquire', options);
  }

  /**
   * Takes the lock if that is possible without waiting. `null` means held by someone else, and nothing else.
   *
   * @throws as `run`, but never LockTimeoutError
   */
  async tryAcquire(key: LockKey, options: TryAcquireOptions = {}): Promise<Lock | null> {
    try {
      return await this.#acquire(key, 'tryAcquire', options);
    } catch (error) {
      if (error instanceof LockTimeoutError) return null;
      throw error;
    }
  }

  /**
   * The lock that is held on this async path by `run` or a decorated method: the innermost one, or the one that holds
   * `key`. Handles of `acquire` and `tryAcquire` are not seen.
   *
   * @throws LockKeyError
   */
  current(key?: string): Lock | undefined {
    return this.#sections.find(key === undefined ? undefined : checkKey(key))?.lock;
  }

  /**
   * Connects the backend. Called by the module at boot.
   *
   * @throws what the backend says, when it can never work
   */
  async open(): Promise<void> {
    const warning = await this.#engine.open();
    if (warning !== undefined) this.#warn(warning);
  }

  /** Begins the shutdown: refuses whoever would have to wait, and starts `shutdownTimeout`. Called by the module. */
  drain(): void {
    this.#engine.drain();
  }

  /** Refuses everything, awaits running sections for what is left of `shutdownTimeout`, closes the backend. Called by the module. */
  close(): Promise<void> {
    return this.#engine.close();
  }

  async #acquire(key: LockKey, call: 'acquire' | 'tryAcquire', options: AcquireOptions): Promise<Lock> {
    const keys = checkKeys(key);
    const terms = checkTerms(call, options, this.#settings);
    if (this.#backend.attempts !== undefined) {
      throw new LockConfigError(
        `${call}() cannot be used with the backend "${this.#backend.name}", which finds conflicts only at the end and then ` +
          'has to run the work again. Use run() or @DistributedLock.',
      );
    }
    this.#checkFit(keys, terms);
    const inside = keys.find((each) => this.#sections.find(each));
    if (inside !== undefined) throw new LockReentryError(inside, 'handle');
    return bundle(await this.#engine.takeAll(keys, terms, this.#engine.clock.now()));
  }

  /** Enters the holds of this async path that cover some of the keys. @throws LockReentryError */
  #join(keys: readonly string[], { mode, reentrant }: Terms): Hold[] {
    const joined: Hold[] = [];
    for (const key of keys) {
      const hold = this.#sections.find(key)?.hold;
      if (!hold) continue;
      if (hold.mode === 'shared' && mode === 'exclusive') throw new LockReentryError(key, 'upgrade');
      if (!reentrant) throw new LockReentryError(key, 'again');
      hold.assertHeld();
      joined.push(hold);
    }
    for (const hold of joined) hold.enter();
    return joined;
  }

  async #runBody<T>(
    own: readonly Hold[],
    joined: readonly Hold[],
    fn: (lock: Lock) => T | PromiseLike<T>,
  ): Promise<{ conflict: true; error: unknown } | { conflict: false; result: T }> {
    const all = joined.length === 0 ? own : [...joined, ...own].sort(byKey);
    const lock = bundle(all, own);
    const section: Section = { of: this.#sections, lock, holds: all, outer: undefined };
    let outcome: Outcome = { ok: true };
    let result: T | undefined;
    for (const hold of own) hold.enter();
    try {
      result = await this.#sections.enter(section, () => fn(lock));
    } catch (error) {
      outcome = { error };
    }
    for (const hold of own) hold.leave();
    for (let busy = own.find(isEntered); busy; busy = own.find(isEntered)) await busy.empty();
    this.#sections.end(section);
    const answer = own.length === 0 ? 'released' : await bundle(own).end(outcome);
    lock.detach();
    if (answer === 'conflict') return { conflict: true, error: 'error' in outcome ? outcome.error : undefined };
    if ('error' in outcome) throw outcome.error;
    if (lock.loss) throw lock.lostError(result);
    return { conflict: false, result: result as T };
  }

  /** @throws LockConfigError when the backend's kind of lock cannot do it */
  #checkFit(keys: readonly string[], { minHold }: Terms): void {
    const { name, attempts, transactional } = this.#backend;
    if (transactional && minHold > 0) {
      throw new LockConfigError(
        `"minHold" cannot be used with the backend "${name}": its locks end with the commit of the work.`,
      );
    }
    if (attempts !== undefined && keys.length > 1) {
      throw new LockConfigError(
        `Several keys at once cannot be used with the backend "${name}", which finds conflicts key by key, at the end. ` +
          'Use one key for all of it.',
      );
    }
  }

  /** Full jitter before a body that met a conflict is run again. */
  #pause(attempt: number): Promise<void> {
    return new Promise((resolve) => {
      this.#engine.clock.setTimeout(resolve, randomInt(CONFLICT_PAUSE * 2 ** Math.min(attempt - 2, 7)));
    });
  }
}

function bundle(holds: readonly Hold[], own = holds): Hold | LockSet {
  return holds.length === 1 ? holds[0]! : new LockSet(holds, own);
}

function isEntered(hold: Hold): boolean {
  return hold.isEntered;
}

function byKey(a: Hold, b: Hold): number {
  return a.key < b.key ? -1 : 1;
}
