import { AsyncResource } from 'node:async_hooks';
import type { LockBackend } from './backend';
import type { Clock, Timer } from './clock';
import { MAX_TIMER_MS } from './clock';
import type { LockEvents } from './events';
import type { Lease } from './lease';

/** When a lease is due for renewal, as a part of its ttl. Renewals are sent together, at the latest at a third. */
const DUE = 0.3;
/** How long a lease that is due waits for others to be renewed with it, as a part of its ttl. */
const GATHER = 1 / 3 - DUE;
/** How soon a renewal that found nothing out is tried again, as a part of the ttl. */
const RETRY = 1 / 15;

interface Watch {
  dueAt: number;
  inFlight: boolean;
}

/**
 * Renews all leases of a backend together, and ends those whose time runs out. One timer for everything. The deadline
 * does not depend on the renewals: it passes while one is in flight, or hangs.
 */
export class LeaseKeeper {
  readonly #watches = new Map<Lease, Watch>();
  #timer: Timer | undefined;
  #wakeAt = Infinity;

  constructor(
    private readonly backend: LockBackend,
    private readonly clock: Clock,
    private readonly events: LockEvents,
  ) {}

  add(lease: Lease): void {
    const watch = { dueAt: dueTime(lease, lease.receivedAt, DUE), inFlight: false };
    this.#watches.set(lease, watch);
    this.#wake(wakeTime(lease, watch));
  }

  /** Also cancels what is in flight: an answer that arrives later is ignored. */
  delete(lease: Lease): void {
    this.#watches.delete(lease);
  }

  /** Forgets everything; what is held then ends by itself in the store. */
  stop(): void {
    this.#watches.clear();
    if (this.#timer) this.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Bound, since it would run in the async context of whoever happened to start the timer. */
  readonly #tick = AsyncResource.bind((): void => {
    this.#timer = undefined;
    this.#wakeAt = Infinity;
    const now = this.clock.now();
    const due: [Lease, Watch][] = [];
    let next = Infinity;
    for (const [lease, watch] of this.#watches) {
      if (!lease.isValid(now)) continue; // its loss has taken it off the list
      if (now >= watch.dueAt && !watch.inFlight && !lease.retired) due.push([lease, watch]);
      else next = Math.min(next, wakeTime(lease, watch));
    }
    if (due.length > 0) void this.#renew(due);
    this.#wake(next);
  });

  async #renew(due: readonly [Lease, Watch][]): Promise<void> {
    for (const [lease, watch] of due) {
      watch.inFlight = true;
      this.#wake(lease.validUntil);
    }
    let answers: readonly (number | null | undefined)[] = [];
    try {
      answers = await this.backend.renew(due.map(([lease]) => lease.grant));
    } catch (error) {
      for (const [lease] of due) lease.renewalError = error; // told with the loss, if it comes to that
    }
    const now = this.clock.now();
    due.forEach(([lease, watch], i) => {
      if (this.#watches.get(lease) !== watch || !lease.isValid(now)) return;
      watch.inFlight = false;
      const answer = answers[i];
      if (answer === null) return lease.lose({ reason: 'stolen' });
      if (answer === undefined) {
        watch.dueAt = dueTime(lease, now, RETRY);
      } else {
        lease.validUntil = Math.max(lease.validUntil, answer);
        watch.dueAt = dueTime(lease, now, DUE);
        this.events.renewed(lease);
      }
      this.#wake(wakeTime(lease, watch));
    });
  }

  #wake(at: number): void {
    if (at >= this.#wakeAt) return;
    if (this.#timer) this.clock.clearTimeout(this.#timer);
    this.#wakeAt = at;
    const delay = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(at - this.clock.now())));
    this.#timer = this.clock.setTimeout(this.#tick, delay);
    this.#timer.unref?.();
  }
}

/** After the given part of the ttl, but while half of the validity is left: it may be short (a late grant, a session). */
function dueTime(lease: Lease, now: number, part: number): number {
  return Math.min(now + lease.shape.ttl * part, (now + lease.validUntil) / 2);
}

function wakeTime(lease: Lease, watch: Watch): number {
  if (watch.inFlight || lease.retired) return lease.validUntil;
  return Math.min(watch.dueAt + lease.shape.ttl * GATHER, (watch.dueAt + lease.validUntil) / 2);
}
