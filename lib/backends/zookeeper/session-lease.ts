import { provableUntil } from '../../core/backend';

/**
 * How much later than the answer to one write another must have been sent to prove that the leader knows of the first, as
 * a part of the session's time-out. A follower reports to the leader whom it has heard from every half tick, in order with
 * the writes that it passes on; and a session lasts two ticks at least, unless `minSessionTimeout` was set lower.
 */
const REPORTED = 0.3;

interface Write {
  readonly sentAt: number;
  readonly answeredAt: number;
}

/**
 * Until when a session provably lives. The leader ends it when it has not been told of a sign of life for the session's
 * time-out, and not even an acknowledged write is told to it at once: the follower may be cut off from the leader right
 * after. But an *older* sign of life has been told if a later write went the same way and was agreed upon by the quorum;
 * that also proves that the leader was the leader.
 *
 * All times are on the backend's clock, in ms.
 */
export class SessionLease {
  #timeout = 0;
  #validUntil = -Infinity;
  #writes: Write[] = [];
  #resumedAt: number | undefined;

  /** What counts as held until then; `-Infinity` before the first proof. */
  get validUntil(): number {
    return this.#validUntil;
  }

  /** The session was made: agreed upon by the quorum, no earlier than `askedAt`. */
  made(askedAt: number, timeout: number): void {
    this.#timeout = timeout;
    this.#prove(askedAt);
  }

  /**
   * It goes on by way of another connection: the leader was asked, no earlier than `askedAt`, but whether it was still the
   * leader only a write will show. What was told to the server before may never arrive.
   */
  resumed(askedAt: number, timeout: number): void {
    this.#timeout = timeout;
    this.#writes = [];
    this.#resumedAt = askedAt;
  }

  /** A write was acknowledged, by way of the connection that was made or resumed last. */
  written(sentAt: number, answeredAt: number): void {
    if (this.#resumedAt !== undefined) this.#prove(this.#resumedAt);
    this.#resumedAt = undefined;
    this.#writes.push({ sentAt, answeredAt });
    while (sentAt - this.#writes[0]!.answeredAt >= this.#timeout * REPORTED) this.#prove(this.#writes.shift()!.sentAt);
  }

  #prove(aliveAt: number): void {
    this.#validUntil = Math.max(this.#validUntil, provableUntil(aliveAt, this.#timeout));
  }
}
