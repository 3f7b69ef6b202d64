import { setMaxListeners } from 'node:events';
import type { LockBackend } from './backend';
import { BackendUse } from './backend-use';
import { Bag } from './bag';
import type { Clock, Timer } from './clock';
import { systemClock } from './clock';
import { LockShutdownError, LockTimeoutError, LockUnavailableError } from './errors';
import { LockEvents } from './events';
import type { HoldContext } from './hold';
import { Hold } from './hold';
import { LeaseKeeper } from './lease-keeper';
import type { Lease } from './lease';
import type { QueueContext } from './local-queue';
import { LocalQueue } from './local-queue';
import type { Settings, Terms } from './options';
import type { Request } from './waiter';

/** With how many queues those that nobody needs are dropped: not before, since many are needed again soon. */
const SWEEP_AT = 512;

/**
 * Takes and ends holds: the queues of all keys, the keeper of their leases, and what a shutdown does to them.
 *
 * A shutdown has two steps. `drain` refuses whoever would have to wait, and starts `shutdownTimeout`. `close` refuses
 * everybody, awaits the running sections, and closes the backend. When the time is over, in either step, everybody is
 * refused, the signals of what still runs abort, and renewing stops. A lock whose body has not settled is never released:
 * the ttl does.
 */
export class LockEngine {
  readonly clock: Clock;
  readonly #use: BackendUse;
  #queues = new Map<string, LocalQueue>();
  #sweepAt = SWEEP_AT;
  readonly #holds = new Bag<Hold>();
  readonly #keeper: LeaseKeeper;
  readonly #events: LockEvents;
  readonly #queueContext: QueueContext;
  readonly #holdContext: HoldContext;
  /** How many calls, claims and grants put back unused wait for an answer of the store. */
  #unanswered = 0;
  /** There is one from `drain` on. */
  #shutdownTimer: Timer | undefined;
  #isClosed = false;
  #isTimeOver = false;
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
      onAsk: () => void this.#unanswered++,
      onAnswer: this.#onAnswer,
    };
    this.#holdContext = {
      clock,
      events,
      holds: this.#holds,
      onSettled: () => {
        // After a crowd of keys: nothing else would come to sweep if there are no new ones.
        if (this.#queues.size > SWEEP_AT && this.#holds.size === 0 && this.#unanswered === 0) this.#sweep();
        this.#onSettled?.();
      },
      isTransactional: backend.transactional === true,
    };
  }

  /** @throws LockTimeoutError, LockUnavailableError, LockNotReadyError, or the reason of the aborted signal */
  async take(key: string, terms: Terms, since: number): Promise<Hold> {
    const { signal, label, waitTimeout, minHold } = terms;
    signal?.throwIfAborted();
    if (signal) setMaxListeners(0, signal); // one may stand for any number of calls
    if (this.#isClosed) throw new LockShutdownError(key);
    this.#use.join();
    const request: Request = { key, shape: terms, label, signal, since, waitTimeout, minHold };
    const queue = this.#queue(this.settings.prefix + key);
    this.#unanswered++;
    try {
      const taking = waitTimeout === 0 ? queue.try(request) : queue.wait(request);
      if (this.#shutdownTimer) queue.hurry();
      const lease = await taking;
      if (!lease) throw this.#busy(request);
      if (this.#isClosed || !lease.isValid()) {
        queue.putBack(lease);
        throw this.#isClosed ? new LockShutdownError(key) : grantedTooLate(key, lease);
      }
      const hold = new Hold(key, lease, queue, terms, this.#holdContext);
      this.#events.acquired(lease, since);
      return hold;
    } finally {
      this.#onAnswer();
    }
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
    if (this.#shutdownTimer) return;
    // Of its own, since between the two steps Nest waits for open requests as long as they take.
    this.#shutdownTimer = this.clock.setTimeout(this.#giveUp, Math.ceil(this.settings.shutdownTimeout));
    this.#shutdownTimer.unref?.();
    for (const queue of [...this.#queues.values()]) queue.hurry();
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.drain();
    this.#shutdownTimer!.ref?.();
    this.#refuseAll();
    if (this.settings.shutdownTimeout > 0) await this.#settled();
    this.#giveUp();
    await this.#use.leave();
  }

  /** Resolves when no section runs any more and nothing is on its way that might still be granted, or the time is over. */
  #settled(): Promise<void> {
    return new Promise((resolve) => {
      let isLooking = false;
      this.#onSettled = () => {
        if (isLooking) return; // the look at a hold may find it lost, which leads here again
        isLooking = true;
        if (this.#isTimeOver || (this.#unanswered === 0 && [...this.#holds].every((hold) => hold.isSettled))) resolve();
        isLooking = false;
      };
      this.#onSettled();
    });
  }

  readonly #onAnswer = (): void => {
    this.#unanswered--;
    this.#onSettled?.();
  };

  #refuseAll(): void {
    this.#isClosed = true;
    for (const queue of [...this.#queues.values()]) queue.refuseAll((key) => new LockShutdownError(key));
  }

  /** What still runs loses its locks, and leaves them to their ttl. */
  readonly #giveUp = (): void => {
    this.clock.clearTimeout(this.#shutdownTimer!);
    this.#isTimeOver = true;
    this.#refuseAll();
    for (const hold of this.#holds) {
      if (!hold.ended) hold.lose('shutdown');
      hold.settle();
    }
    this.#keeper.stop();
    this.#onSettled?.();
  };

  #queue(key: string): LocalQueue {
    let queue = this.#queues.get(key);
    if (!queue) {
      if (this.#queues.size >= this.#sweepAt) this.#sweep();
      this.#queues.set(key, (queue = new LocalQueue(key, this.#queueContext)));
    }
    return queue;
  }

  /** Into a new map, so that the garbage collector need not follow the tables of the old one; see `Bag`. */
  #sweep(): void {
    this.#queues = new Map([...this.#queues].filter(([, { isIdle }]) => !isIdle));
    this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#queues.size);
  }

  #busy({ key, since, waitTimeout }: Request): Error {
    if (this.#shutdownTimer && waitTimeout > 0) return new LockShutdownError(key);
    return new LockTimeoutError(key, { waited: this.clock.now() - since, status: this.settings.busyStatus });
  }
}

/** Nothing was run under the lock, so nothing was lost with it. */
function grantedTooLate(key: string, { loss, shape }: Lease): Error {
  const why =
    loss!.reason === 'expired'
      ? `the answer took longer to arrive than the ttl of ${shape.ttl} ms lasts: the store was slow, or this process blocked`
      : 'it was lost again before it could be used';
  return new LockUnavailableError(`Lock "${key}" was granted, but ${why}. Try again later.`, {
    key,
    cause: loss!.cause,
  });
}
