import { AsyncResource } from 'node:async_hooks';
import type { LockBackend } from './backend';
import { Bag } from './bag';
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

/**
 * Renews all leases of a backend together, and ends those whose time runs out. One timer for everything. The deadline
 * does not depend on the renewals: it passes while one is in flight, or hangs.
 */
export class LeaseKeeper {
  readonly #leases = new Bag<Lease>();
  #timer: Timer | undefined;
  #wakeAt = Infinity;

  constructor(
    private readonly backend: LockBackend,
    private readonly clock: Clock,
    private readonly events: LockEvents,
  ) {}

  add(lease: Lease): void {
    lease.dueAt = dueTime(lease, lease.receivedAt, DUE);
    this.#leases.add(lease);
    this.#wake(wakeTime(lease), lease.receivedAt);
  }

  /** Also cancels what is in flight: an answer that arrives later is ignored. */
  delete(lease: Lease): void {
    this.#leases.delete(lease);
  }

  /** Forgets everything; what is held then ends by itself in the store. */
  stop(): void {
    this.#leases.clear();
    if (this.#timer) this.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wakeAt = Infinity;
  }

  /** Bound, since it would run in the async context of whoever happened to start the timer. */
  readonly #tick = AsyncResource.bind((): void => {
    this.#timer = undefined;
    this.#wakeAt = Infinity;
    const now = this.clock.now();
    const due: Lease[] = [];
    let next = Infinity;
    for (const lease of this.#leases) {
      if (!lease.isValid(now)) continue; // its loss has taken it off the list
      if (now >= lease.dueAt && !lease.isInFlight && !lease.retired) due.push(lease);
      else next = Math.min(next, wakeTime(lease));
    }
    if (due.length > 0) void this.#renew(due);
    this.#wake(next, now);
  });

  async #renew(due: readonly Lease[]): Promise<void> {
    const sentAt = this.clock.now();
    for (const lease of due) {
      lease.isInFlight = true;
      this.#wake(lease.validUntil, sentAt);
    }
    let answers: readonly (number | null | undefined)[] = [];
    try {
      answers = await this.backend.renew(due.map(({ grant }) => grant));
    } catch (error) {
      for (const lease of due) lease.renewalError = error; // told with the loss, if it comes to that
    }
    const now = this.clock.now();
    due.forEach((lease, i) => {
      if (!this.#leases.has(lease) || !lease.isValid(now)) return;
      lease.isInFlight = false;
      const answer = answers[i];
      if (answer === null) return lease.lose({ reason: 'stolen' });
      if (answer === undefined) {
        lease.dueAt = dueTime(lease, now, RETRY);
      } else {
        lease.validUntil = Math.max(lease.validUntil, answer);
        lease.renewalError = undefined;
        lease.dueAt = dueTime(lease, now, DUE);
        this.events.renewed(lease);
      }
      this.#wake(wakeTime(lease), now);
    });
  }

  #wake(at: number, now: number): void {
    // The clock may have jumped over the moment that the timer was set for, and timers do not jump. Once, then it is due.
    if (this.#wakeAt <= now && this.#wakeAt !== -Infinity) at = -Infinity;
    if (at >= this.#wakeAt) return;
    if (this.#timer) this.clock.clearTimeout(this.#timer);
    this.#wakeAt = at;
    const delay = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(at - now)));
    this.#timer = this.clock.setTimeout(this.#tick, delay);
    this.#timer.unref?.();
  }
}

/** After the given part of the ttl, but while half of the validity is left: it may be short (a late grant, a session). */
function dueTime(lease: Lease, now: number, part: number): number {
  return Math.min(now + lease.shape.ttl * part, (now + lease.validUntil) / 2);
}

function wakeTime({ isInFlight, retired, validUntil, dueAt, shape }: Lease): number {
  if (isInFlight || retired) return validUntil;
  return Math.min(dueAt + shape.ttl * GATHER, (dueAt + validUntil) / 2);
}
