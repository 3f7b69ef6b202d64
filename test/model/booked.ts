import type { Claim, Grant, Loss, Outcome, ReleaseAnswer } from '../../lib/core/backend';
import type { Connection } from './connection';
import type { ModelClock } from './model-clock';

/** A grant of the memory backend, with what the books say of it. */
export class Booked implements Grant {
  readonly fence: bigint;
  readonly fences: number;
  readonly validUntil: number;
  readonly receivedAt: number;
  /** Until when its process may believe in it: after the last renewal, and after the one before. */
  provableUntil: number;
  provenBefore: number;
  /** When it was given back or given away. */
  endedAt = Infinity;
  isStolen = false;
  /** When its process knows of the loss at the latest: from `whenLost`, a renewal or a release. */
  toldAt = Infinity;
  loss: Loss | undefined;
  /** The answer to its release was that it was lost. */
  saidLost = false;
  #expiresAt: number;
  #listener: ((loss: Loss) => void) | undefined;

  constructor(
    private readonly inner: Grant,
    readonly claim: Claim,
    private readonly connection: Connection,
    private readonly clock: ModelClock,
    private readonly onRelease: (grant: Booked) => void,
  ) {
    ({ fence: this.fence, fences: this.fences, validUntil: this.validUntil } = inner);
    this.provableUntil = this.provenBefore = inner.validUntil;
    this.receivedAt = clock.now() + connection.replyDelay;
    this.#expiresAt = clock.now() + claim.ttl;
  }

  get isBooked(): boolean {
    return this.endedAt === Infinity && this.clock.now() < this.#expiresAt;
  }

  get isExclusive(): boolean {
    return this.claim.mode === 'exclusive';
  }

  /** It is gone, and its process may not know that yet. */
  get mayBeBelieved(): boolean {
    return (
      this.isStolen && this.clock.now() < this.provableUntil && this.clock.now() <= this.clock.noticed(this.toldAt)
    );
  }

  hasToken(token: bigint): boolean {
    return token >= this.fence && token < this.fence + BigInt(this.fences);
  }

  whenLost(listener: (loss: Loss) => void): void {
    this.#listener = listener;
    if (this.loss) listener(this.loss);
  }

  /** What to renew in the memory backend. */
  renewing(): Grant {
    if (this.isBooked) this.#expiresAt = this.clock.now() + this.claim.ttl;
    return this.inner;
  }

  renewed(answer: number | null | undefined): number | null | undefined {
    if (answer == null) {
      this.#tell();
    } else {
      this.provenBefore = this.provableUntil;
      this.provableUntil = answer;
    }
    return answer;
  }

  steal(): void {
    this.endedAt = this.clock.now();
    this.isStolen = true;
    void this.inner.release({ ok: true });
  }

  endSession(): void {
    this.loss = { reason: 'session', cause: 'the model has ended it' };
    this.#listener?.(this.loss);
    this.steal();
    this.#tell();
  }

  async release(outcome: Outcome): Promise<ReleaseAnswer> {
    this.onRelease(this);
    if (this.isBooked) this.endedAt = this.clock.now();
    const answer = await this.inner.release(outcome);
    if (!this.isStolen && answer === 'released') return answer;
    this.saidLost = true;
    this.#tell();
    return 'lost';
  }

  #tell(): void {
    this.toldAt = Math.min(this.toldAt, this.clock.now() + this.connection.replyDelay);
  }
}

/** Until when it may go from hand to hand in its process. */
export function handOffEnd({ receivedAt, claim }: Booked): number {
  return receivedAt + Math.min(1_000, claim.ttl / 10);
}
