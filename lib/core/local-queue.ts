import type { Grant, LockBackend, Outcome, ReleaseAnswer } from './backend';
import type { Clock, Timer } from './clock';
import { NOBODY_LEFT, QueueClaim, tryClaim } from './claim';
import { LockUnavailableError } from './errors';
import type { LockEvents } from './events';
import type { Shape } from './lease';
import { Lease, sameShape } from './lease';
import type { LeaseKeeper } from './lease-keeper';
import type { Group } from './line';
import { Line } from './line';
import type { Request } from './waiter';
import { Waiter } from './waiter';

/** What all queues of a service share. */
export interface QueueContext {
  readonly backend: LockBackend;
  readonly clock: Clock;
  readonly keeper: LeaseKeeper;
  readonly events: LockEvents;
  readonly maxLocalHandoffs: number;
  /** The error for a caller who may not wait any longer. */
  readonly busy: (request: Request) => Error;
  /** A claim, or a grant that is put back unused, begins to wait for an answer of the store. */
  readonly onAsk: () => void;
  /** It has got it. */
  readonly onAnswer: () => void;
}

/**
 * All callers of one key in this process, first come, first served.
 *
 * The line, not its head, has the claims in the store: one for exclusive callers however many they are, one per caller
 * for shared ones (up to their permits). A grant goes to whoever is first when it comes. When an exclusive section ends
 * and the next in line has the same shape, it takes over the same grant with the next token of its block, without a
 * command to the store, until the block, the hand-off window or the lease is used up. The next claim is sent as soon as
 * that is foreseeable, so that the process keeps its place among the others.
 *
 * Whatever happens (somebody comes or goes, a claim is answered, a lease ends) is written down first; then `#pump` brings the
 * claims in the store into line with who waits. All of that is one state machine, and so one file.
 */
export class LocalQueue {
  readonly #line = new Line();
  /** Replaced, never altered: a look at a lease may find it lost, and take it off. One, most of the time. */
  #leases: readonly Lease[] = [];
  readonly #overdue = new Set<Waiter>();
  #arrivals = 0;
  #tries = 0;
  #window: Timer | undefined;

  constructor(
    readonly key: string,
    private readonly context: QueueContext,
  ) {}

  /** Nobody waits for, holds or asks for the key. */
  get isIdle(): boolean {
    return !this.#line.front && this.#leases.length === 0 && this.#tries === 0;
  }

  /** Waits in line. Rejects with `LockTimeoutError` at the deadline, the signal's reason, or what the backend said. */
  wait(request: Request): Promise<Lease> {
    const waiter = new Waiter(request, ++this.#arrivals, this.context.clock);
    this.#line.join(waiter);
    waiter.watch({
      deadline: () => this.#onDeadline(waiter),
      abort: (reason) => this.#remove(waiter, reason),
    });
    this.#pump();
    if (this.#mustWait(waiter)) this.#announce(waiter);
    return waiter.lease;
  }

  /** One try, never waits: `null` means held by another, or promised to one who came before. */
  async try(request: Request): Promise<Lease | null> {
    const { signal, shape } = request;
    this.#tries++;
    try {
      if (this.#isHeldAgainst(shape)) return null;
      const arrival = ++this.#arrivals;
      const grant = await this.context.backend.acquire(tryClaim(this.key, request, signal));
      if (!grant) return null;
      if (signal?.aborted) {
        this.#putBack({ grant, shape });
        throw signal.reason;
      }
      const { front } = this.#line;
      const [first] = front?.waiters ?? [];
      if (!front || !first || first.arrival > arrival) return this.#adopt(grant, shape);
      // A store without a queue of its own let us pass somebody who came before.
      if (sameShape(front.shape, shape)) this.#serve(this.#adopt(grant, shape));
      else this.#putBack({ grant, shape });
      return null;
    } catch (error) {
      throw withKey(error, request.key);
    } finally {
      this.#tries--;
      this.#pump();
    }
  }

  /** The holder's section has ended: passes the lease on to the next in line, if that may be. */
  handOff(lease: Lease): boolean {
    if (!this.#canHandOff(lease)) return false;
    lease.turn++;
    this.#serve(lease);
    this.#pump();
    return true;
  }

  /** The holder's section has ended: the lease goes back to the store. */
  giveBack(lease: Lease, outcome: Outcome): Promise<ReleaseAnswer> {
    this.#drop(lease);
    try {
      return lease.grant.release(outcome);
    } catch (error) {
      return Promise.reject(error);
    } finally {
      this.#pump(); // not before: on one connection the next claim then arrives behind the release
    }
  }

  /** Nobody could use the lease: it goes back to the store. */
  putBack(lease: Lease): void {
    this.#drop(lease);
    this.#putBack(lease);
    this.#pump();
  }

  /** Lets nobody wait any longer: whoever is known to have to is refused now, the others when that is known. */
  hurry(): void {
    for (const { waiters } of this.#line.groups) {
      for (const waiter of [...waiters]) this.#onDeadline(waiter);
    }
  }

  /** Refuses everybody who waits. */
  refuseAll(reason: (key: string) => unknown): void {
    for (const group of this.#line.groups) this.#refuse(group, reason);
    this.#pump();
  }

  /** Sends the claims that the front of the line needs and withdraws the others. */
  #pump(): void {
    this.#line.prune(this.#withdrawAll);
    const { front } = this.#line;
    if (!front) return this.#stopWindow();
    const most = this.#claimsWanted(front);
    let wanted = Math.min(most, front.waiters.size); // that look may have found a lease lost, and some have left with it
    while (front.claims.size < wanted) {
      this.#send(front);
      wanted = Math.min(wanted, front.waiters.size); // a store that says "held" at once has sent some away
    }
    if (front.claims.size > wanted) {
      for (const claim of [...front.claims].slice(wanted)) this.#withdraw(front, claim);
    }
  }

  #claimsWanted(group: Group): number {
    if (group.shape.mode === 'shared') return Math.min(group.waiters.size, group.shape.permits);
    for (const lease of this.#leases) {
      if (!this.#canHandOff(lease)) continue;
      this.#window ??= this.context.clock.setTimeout(
        this.#onWindowEnd,
        Math.ceil(lease.handoffUntil - this.context.clock.now()),
      );
      return 0;
    }
    return 1;
  }

  #canHandOff(lease: Lease): boolean {
    const { front } = this.#line;
    if (!front || lease.shape.mode !== 'exclusive' || !sameShape(front.shape, lease.shape)) return false;
    if (lease.retired || lease.turn + 1 >= lease.grant.fences) return false;
    const now = this.context.clock.now();
    if (now >= lease.handoffUntil || !lease.isValid(now)) return false;
    const [next] = front.waiters;
    return now + next!.request.minHold <= lease.validUntil; // it must last for that without us
  }

  #stopWindow(): void {
    if (this.#window) this.context.clock.clearTimeout(this.#window);
    this.#window = undefined;
  }

  readonly #onWindowEnd = (): void => {
    this.#window = undefined;
    this.#pump();
  };

  #send(group: Group): void {
    const [first] = group.waiters;
    // A token for whoever may come while the claim is on its way, too: those that stay over are simply skipped.
    const fences = group.shape.mode === 'shared' ? 1 : 1 + this.context.maxLocalHandoffs;
    const claim = new QueueClaim(this.key, first!.request, fences, () => this.#onContended(group));
    group.claims.add(claim);
    this.context.onAsk();
    this.context.backend.acquire(claim).then(
      (grant) => {
        this.#onGrant(group, claim, grant);
        this.context.onAnswer();
      },
      (error: unknown) => {
        this.#onFailure(group, claim, error);
        this.context.onAnswer();
      },
    );
  }

  readonly #withdrawAll = (group: Group): void => {
    for (const claim of group.claims) this.#withdraw(group, claim);
  };

  #withdraw(group: Group, claim: QueueClaim): void {
    group.claims.delete(claim);
    claim.withdraw();
  }

  #onContended(group: Group): void {
    for (const waiter of group.waiters) this.#announce(waiter);
    this.#refuseOverdue();
  }

  #announceAll(): void {
    for (const { waiters } of this.#line.groups) {
      for (const waiter of waiters) if (this.#mustWait(waiter)) this.#announce(waiter);
    }
  }

  #announce(waiter: Waiter): void {
    if (!waiter.isAnnounced) this.context.events.contended(this.key, waiter.request.shape.mode);
    waiter.isAnnounced = true;
  }

  #onGrant(group: Group, claim: QueueClaim, grant: Grant | null): void {
    group.claims.delete(claim);
    if (!grant) return this.#onFailure(group, claim, new LockUnavailableError(REFUSED_TO_WAIT));
    if (claim.isWithdrawn) this.#putBack({ grant, shape: group.shape });
    else this.#serve(this.#adopt(grant, group.shape));
    if (group.shape.mode === 'exclusive') this.#announceAll();
    this.#pump();
  }

  #onFailure(group: Group, claim: QueueClaim, error: unknown): void {
    if (claim.isWithdrawn) return;
    group.claims.delete(claim);
    // A store that is down is down for those behind as well; they need not find it out one after the other.
    const affected = error instanceof LockUnavailableError ? this.#line.groups : [group];
    for (const each of affected) this.#refuse(each, (key) => withKey(error, key));
    this.#pump();
  }

  #adopt(grant: Grant, shape: Shape): Lease {
    const lease = new Lease(this.key, shape, grant, this.context.clock, this.#onLoss);
    this.#leases = [...this.#leases, lease];
    this.context.keeper.add(lease);
    return lease;
  }

  /** Gives the lease to the first in line, who has its shape. */
  #serve(lease: Lease): void {
    const [next] = this.#line.front!.waiters;
    this.#leave(next!);
    next!.grant(lease);
    this.#refuseOverdue();
  }

  #drop(lease: Lease): void {
    this.#leases = this.#leases.filter((each) => each !== lease);
    this.context.keeper.delete(lease);
    lease.end();
    this.#stopWindow();
  }

  readonly #onLoss = (lease: Lease): void => {
    this.#drop(lease);
    this.#pump();
  };

  /** For a grant that came too late: nobody has used it. */
  #putBack({ grant, shape, loss }: Pick<Lease, 'grant' | 'shape'> & Partial<Lease>): void {
    this.context.onAsk();
    grant
      .release({ error: NOBODY_LEFT })
      .catch((error: unknown) => {
        if (!loss) this.context.events.releaseFailed({ key: this.key, shape, fence: grant.fence }, error);
      })
      .finally(this.context.onAnswer);
  }

  /** If the store has not answered yet, its answer decides between busy and unavailable. */
  #onDeadline(waiter: Waiter): void {
    this.#overdue.add(waiter); // first: a look at a lease may find it expired, and that changes who must wait
    this.#refuseOverdue();
  }

  #refuseOverdue(): void {
    for (const waiter of this.#overdue) {
      if (this.#mustWait(waiter)) this.#remove(waiter, this.context.busy(waiter.request));
    }
  }

  #refuse(group: Group, reason: (key: string) => unknown): void {
    for (const waiter of group.waiters) {
      this.#overdue.delete(waiter);
      waiter.refuse(reason(waiter.request.key));
    }
    group.waiters.clear();
  }

  #remove(waiter: Waiter, reason: unknown): void {
    this.#leave(waiter);
    waiter.refuse(reason);
    this.#pump();
  }

  #leave(waiter: Waiter): void {
    this.#overdue.delete(waiter);
    this.#line.leave(waiter);
  }

  /** Whether it is known, not just likely, that the lock is held by another. */
  #mustWait({ request }: Waiter): boolean {
    for (const claim of this.#line.front?.claims ?? []) {
      if (claim.isContended) return true;
    }
    return this.#isHeldAgainst(request.shape);
  }

  /** Whether somebody in this process provably holds the lock in a way that excludes the claim. */
  #isHeldAgainst({ mode, permits }: Shape): boolean {
    if (this.context.backend.attempts !== undefined) return false; // it finds conflicts at the end, and excludes nobody
    let shared = 0;
    for (const lease of this.#leases) {
      if (!lease.isValid()) continue;
      if (mode === 'exclusive' || lease.shape.mode === 'exclusive') return true;
      shared++;
    }
    return shared >= permits;
  }
}

const REFUSED_TO_WAIT = 'the backend answered "held" to a claim that waits, which is a defect of that backend';

/** The error as one caller sees it: with that caller's key. */
function withKey(error: unknown, key: string): unknown {
  if (!(error instanceof LockUnavailableError) || error.key === key) return error;
  return new LockUnavailableError(`Lock "${key}" could not be asked for: ${error.message}`, { key, cause: error });
}
