import type { Claim, Grant, LockBackend, Loss, Outcome, ReleaseAnswer } from '../../lib/core/backend';
import { provableUntil } from '../../lib/core/backend';
import type { FakeClock } from '../../lib/testing/fake-clock';

/** What the test says of a grant. `lost`: the session that it is lost with. */
type Details = Pick<Grant, 'fence' | 'fences' | 'validUntil'> & { lost?: AbortSignal };

type RenewAnswers = readonly (number | null | undefined)[];

/** A store that answers when and what the test says, and writes down what it was asked. */
export class ScriptedBackend implements LockBackend {
  readonly name = 'scripted';
  readonly attempts?: number;
  transactional = false;
  readonly claims: ScriptedClaim[] = [];
  readonly renewals: Renewal[] = [];
  readonly grants: ScriptedGrant[] = [];
  /** Every command in its order: `acquire k`, `release k`. */
  readonly commands: string[] = [];
  closed = 0;
  /** Whether an aborted claim rejects, as the contract demands; else the test may still grant it. */
  rejectsAborted = true;
  onAcquire: (claim: ScriptedClaim) => void = () => {};
  onRenew: (renewal: Renewal) => void = () => {};
  onRelease: (grant: ScriptedGrant) => Promise<ReleaseAnswer> = async () => 'released';
  #fence = 1_000n;

  constructor(
    readonly clock: FakeClock,
    { attempts }: { attempts?: number } = {},
  ) {
    if (attempts !== undefined) this.attempts = attempts;
  }

  get lastClaim(): ScriptedClaim {
    return this.claims.at(-1)!;
  }

  get lastGrant(): ScriptedGrant {
    return this.grants.at(-1)!;
  }

  /** Grants every claim at once, with as many tokens as it wants. */
  grantAll(): this {
    this.onAcquire = (claim) => claim.grant();
    return this;
  }

  acquire(claim: Claim): Promise<Grant | null> {
    this.commands.push(`acquire ${claim.key}`);
    const scripted = new ScriptedClaim(this, claim);
    this.claims.push(scripted);
    this.onAcquire(scripted);
    return scripted.answer;
  }

  renew(grants: readonly Grant[]): Promise<RenewAnswers> {
    const renewal = new Renewal(this.clock, grants as readonly ScriptedGrant[]);
    this.renewals.push(renewal);
    this.onRenew(renewal);
    return renewal.answer;
  }

  async close(): Promise<void> {
    this.closed++;
  }

  /** @internal */
  nextFence(count: number): bigint {
    const fence = this.#fence;
    this.#fence += BigInt(count);
    return fence;
  }
}

export class ScriptedClaim {
  readonly answer: Promise<Grant | null>;
  readonly sentAt: number;
  #resolve!: (grant: Grant | null) => void;
  #reject!: (error: unknown) => void;
  readonly #backend: ScriptedBackend;

  constructor(
    backend: ScriptedBackend,
    readonly claim: Claim,
  ) {
    this.#backend = backend;
    this.sentAt = backend.clock.now();
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.answer.catch(() => {});
    if (backend.rejectsAborted) {
      const { signal } = claim;
      const onAbort = () => this.#reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      const stop = () => signal.removeEventListener('abort', onAbort);
      this.answer.then(stop, stop);
    }
  }

  get aborted(): boolean {
    return this.claim.signal.aborted;
  }

  grant(details: Partial<Details> = {}): ScriptedGrant {
    const fences = details.fences ?? this.claim.fences;
    const grant = new ScriptedGrant(this.#backend, this.claim, {
      fence: this.#backend.nextFence(fences),
      validUntil: provableUntil(this.sentAt, this.claim.ttl),
      ...details,
      fences,
    });
    this.#backend.grants.push(grant);
    this.#resolve(grant);
    return grant;
  }

  /** `null`: held by another. */
  refuse(): void {
    this.#resolve(null);
  }

  fail(error: unknown): void {
    this.#reject(error);
  }

  contended(): void {
    this.claim.contended();
  }
}

export class ScriptedGrant implements Grant {
  readonly fence: bigint;
  readonly fences: number;
  readonly validUntil: number;
  readonly outcomes: Outcome[] = [];
  /** Who wants to hear of a loss: once at most. */
  readonly listeners: ((loss: Loss) => void)[] = [];
  #loss: Loss | undefined;
  readonly #backend: ScriptedBackend;

  constructor(
    backend: ScriptedBackend,
    readonly claim: Claim,
    { fence, fences, validUntil, lost }: Details,
  ) {
    this.#backend = backend;
    this.fence = fence;
    this.fences = fences;
    this.validUntil = validUntil;
    const lose = () => this.lose({ reason: 'session', cause: lost!.reason });
    if (lost?.aborted) lose();
    else lost?.addEventListener('abort', lose, { once: true });
  }

  whenLost(listener: (loss: Loss) => void): void {
    this.listeners.push(listener);
    if (this.#loss) listener(this.#loss);
  }

  /** The store learns that it is lost, whether it was released or not. */
  lose(loss: Loss): void {
    this.#loss = loss;
    for (const listener of this.listeners) listener(loss);
  }

  release(outcome: Outcome): Promise<ReleaseAnswer> {
    this.#backend.commands.push(`release ${this.claim.key}`);
    this.outcomes.push(outcome);
    return this.#backend.onRelease(this);
  }
}

export class Renewal {
  readonly answer: Promise<RenewAnswers>;
  readonly sentAt: number;
  #resolve!: (answers: RenewAnswers) => void;
  #reject!: (error: unknown) => void;

  constructor(
    clock: FakeClock,
    readonly grants: readonly ScriptedGrant[],
  ) {
    this.sentAt = clock.now();
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** All of them for their full ttl, counted from when the renewal was sent. */
  confirm(): void {
    this.#resolve(this.grants.map(({ claim }) => provableUntil(this.sentAt, claim.ttl)));
  }

  answerWith(...answers: RenewAnswers): void {
    this.#resolve(answers);
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}
