import type { LockBackend } from './backend';
import { BackendUse } from './backend-use';
import type { Clock } from './clock';
import { systemClock } from './clock';
import { LockShutdownError, LockTimeoutError } from './errors';
import { LockEvents } from './events';
import type { HoldContext } from './hold';
import { Hold } from './hold';
import { LeaseKeeper } from './lease-keeper';
import type { QueueContext } from './local-queue';
import { LocalQueue } from './local-queue';
import type { Settings, Terms } from './options';
import type { Request } from './waiter';

/**
 * Takes and ends holds: the queues of all keys, the keeper of their leases, and what a shutdown does to them.
 *
 * A shutdown has two steps. `drain` refuses whoever would have to wait, and starts `shutdownTimeout`. `close` refuses
 * everybody, awaits the running sections for what is left of the time, then aborts their signals and stops renewing. It
 * never releases a lock whose body has not settled: the ttl does.
 */
export class LockEngine {
  readonly clock: Clock;
  readonly #use: BackendUse;
  readonly #queues = new Map<string, LocalQueue>();
  readonly #holds = new Set<Hold>();
  readonly #keeper: LeaseKeeper;
  readonly #events: LockEvents;
  readonly #queueContext: QueueContext;
  readonly #holdContext: HoldContext;
  #drainingSince: number | undefined;
  #isClosed = false;
  #closed: Promise<void> | undefined;
  #onSettled: (() => void) | undefined;

  constructor(
    backend: LockBackend,
    private readonly settings: Settings,
    { instance, warn }: { instance: string | undefined; warn: (message: string) => void },
  ) {
    this.#use = new BackendUse(backend);
    const clock = (this.clock = backend.clock ?? systemClock);
    const events = (this.#events = new LockEvents({ backend: backend.name, instance }, clock, warn));
    const keeper = (this.#keeper = new LeaseKeeper(backend, clock, events));
    this.#queueContext = {
      backend,
      clock,
      keeper,
      events,
      maxLocalHandoffs: settings.maxLocalHandoffs,
      busy: (request) => this.#busy(request),
      onIdle: (queue) => {
        if (this.#queues.get(queue.key) === queue) this.#queues.delete(queue.key);
      },
    };
    this.#holdContext = {
      clock,
      events,
      holds: this.#holds,
      onSettled: () => this.#onSettled?.(),
      isTransactional: backend.transactional === true,
    };
  }

  /** @throws LockTimeoutError, LockUnavailableError, LockNotReadyError, or the reason of the aborted signal */
  async take(key: string, terms: Terms, since: number): Promise<Hold> {
    const { signal, label, waitTimeout, minHold } = terms;
    signal?.throwIfAborted();
    if (this.#isClosed) throw new LockShutdownError(key);
    this.#use.join();
    const request: Request = { key, shape: terms, label, signal, since, waitTimeout, minHold };
    const queue = this.#queue(this.settings.prefix + key);
    const taking = waitTimeout === 0 ? queue.try(request) : queue.wait(request);
    if (this.#drainingSince !== undefined) queue.hurry();
    const lease = await taking;
    if (!lease) throw this.#busy(request);
    const hold = new Hold(key, lease, queue, terms, this.#holdContext);
    if (hold.held && !this.#isClosed) {
      this.#events.acquired(lease, since);
      return hold;
    }
    // The grant took longer to arrive than it lasts, or than we do.
    const error = this.#isClosed ? new LockShutdownError(key) : hold.lostError();
    hold.undo(error);
    throw error;
  }

  /** All of the keys, in their order, or none. @throws as `take`, and LockLostError if one was lost while another was waited for */
  async takeAll(keys: readonly string[], terms: Terms, since: number): Promise<readonly Hold[]> {
    const holds: Hold[] = [];
    try {
      for (const key of keys) holds.push(await this.take(key, terms, since));
      if (holds.length > 1) for (const hold of holds) hold.assertHeld();
      return holds;
    } catch (error) {
      for (const hold of holds.reverse()) hold.undo(error); // in the background: the caller is told at once
      throw error;
    }
  }

  /** Opens the backend, and resolves with its warning, if it has one. */
  open(): Promise<string | undefined> {
    return this.#use.open();
  }

  drain(): void {
    if (this.#drainingSince !== undefined) return;
    this.#drainingSince = this.clock.now();
    for (const queue of [...this.#queues.values()]) queue.hurry();
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.drain();
    this.#isClosed = true;
    for (const queue of [...this.#queues.values()]) queue.refuseAll((key) => new LockShutdownError(key));
    await this.#settled(this.#drainingSince! + this.settings.shutdownTimeout - this.clock.now());
    for (const hold of this.#holds) {
      if (!hold.ended) hold.lose('shutdown');
      hold.abandon();
    }
    this.#keeper.stop();
    await this.#use.leave();
  }

  /** Resolves when no section runs any more, or after `ms`. */
  async #settled(ms: number): Promise<void> {
    const isSettled = (): boolean => [...this.#holds].every((hold) => hold.isSettled);
    if (isSettled() || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.clock.setTimeout(resolve, Math.ceil(ms));
      this.#onSettled = () => {
        if (!isSettled()) return;
        this.clock.clearTimeout(timer);
        resolve();
      };
    });
  }

  #queue(key: string): LocalQueue {
    let queue = this.#queues.get(key);
    if (!queue) this.#queues.set(key, (queue = new LocalQueue(key, this.#queueContext)));
    return queue;
  }

  #busy({ key, since, waitTimeout }: Request): Error {
    if (this.#drainingSince !== undefined && waitTimeout > 0) return new LockShutdownError(key);
    return new LockTimeoutError(key, { waited: this.clock.now() - since, status: this.settings.busyStatus });
  }
}
