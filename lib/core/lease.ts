import type { Grant, LockMode, Loss } from './backend';
import type { Bagged } from './bag';
import type { Clock } from './clock';

/** What two claims must have in common to be served by the same grant. */
export interface Shape {
  readonly mode: LockMode;
  readonly permits: number;
  readonly ttl: number;
}

/** @internal Whether a grant to one could as well serve the other. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.mode === b.mode && a.permits === b.permits && a.ttl === b.ttl;
}

/** The longest time in which one grant serves the callers of one process, in ms. */
const HANDOFF_MS = 1_000;

/**
 * A grant in the hands of this process, from its arrival until it is given back or lost. It may pass from one local
 * caller to the next; each of them has a `Hold` of its own on it.
 */
export class Lease implements Bagged {
  validUntil: number;
  /** Set once, by whichever comes first; a lost lease never becomes held again. */
  loss: Loss | undefined;
  /** How many callers have had it before the present one. */
  turn = 0;
  /** Why the last renewal failed, if it did. */
  renewalError: unknown;
  /** When it is to be renewed, on the clock. For its keeper, as the next two. */
  dueAt = 0;
  /** A renewal is on its way. */
  isInFlight = false;
  bagIndex = -1;
  /** No further renewals: `maxHold` has passed, or the application has shut down. */
  retired = false;
  /** When the grant came, on the clock. */
  readonly receivedAt: number;
  /** Until when it may pass to the next local caller; then other processes get their turn. */
  readonly handoffUntil: number;
  /** Whoever holds it now, and wants to hear of a loss. */
  holder: { onLoss(loss: Loss): void } | undefined;

  readonly #clock: Clock;
  readonly #whenLost: (lease: Lease) => void;
  #isOver = false;

  /**
   * @param key - the key with its prefix
   * @param whenLost - called once, before the holder is told
   */
  constructor(
    readonly key: string,
    readonly shape: Shape,
    readonly grant: Grant,
    clock: Clock,
    whenLost: (lease: Lease) => void,
  ) {
    this.validUntil = grant.validUntil;
    this.receivedAt = clock.now();
    this.handoffUntil = this.receivedAt + Math.min(HANDOFF_MS, shape.ttl / 10);
    this.#clock = clock;
    this.#whenLost = whenLost;
    let isMade = false;
    grant.whenLost?.((loss) => {
      if (!isMade) this.loss = loss;
      else if (!this.#isOver) this.lose(loss);
    });
    isMade = true;
  }

  /** The fencing token of the present turn, if the store gives any. */
  get fence(): bigint | undefined {
    if (this.grant.fences === 0) return undefined;
    return this.turn === 0 ? this.grant.fence : this.grant.fence + BigInt(this.turn);
  }

  /** Exact at the moment of the call, however late the timers are. */
  isValid(now = this.#clock.now()): boolean {
    if (this.loss) return false;
    if (now < this.validUntil) return true;
    this.lose({ reason: 'expired', cause: this.renewalError });
    return false;
  }

  lose(loss: Loss): void {
    if (this.loss) return;
    this.loss = loss;
    this.end();
    this.#whenLost(this);
    this.holder?.onLoss(loss);
  }

  /** It is over: what the backend says of it from now on does not count. */
  end(): void {
    this.#isOver = true;
  }
}
