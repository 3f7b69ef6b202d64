import { randomInt } from 'node:crypto';
import type { Claim, Grant } from '../../core/backend';
import { provableUntil } from '../../core/backend';
import type { Bag, Bagged } from '../../core/bag';
import type { Clock, Timer } from '../../core/clock';
import type { LateListeners } from '../../core/late-listeners';
import type { Answer, Call, CallHandler } from './call';
import { idOf, keysOf } from './keys';

/** How often somebody asks who cannot be told of a grant, in ms: a random time from half of this up to this. */
const POLL_EVERY = 100;

/** The server's answer to a claim. */
export interface Reply {
  /** The first fencing token; 0 if it is not granted. */
  readonly fence: number;
  /** The backend's clock just before the request was sent. */
  readonly sentAt: number;
  /** The server's time, in µs. */
  readonly time: number;
  /** When a holder's time ends if nobody renews it, in ms from then; `undefined` if it is granted. */
  readonly left: number | undefined;
}

/** What the server has published for one waiter: a grant; a short one, to be extended at once; a time to look again. */
export interface Notice {
  readonly kind: 'grant' | 'trial' | 'look';
  readonly fence: number;
  /** The server's time when it was sent, in µs. */
  readonly time: number;
  /** The server's time at which the grant ends, in ms. */
  readonly expiry: number;
}

/** What an attempt needs of the store. */
export interface AttemptContext {
  readonly clock: Clock;
  readonly listeners: LateListeners;
  /** All that wait, or may have to. */
  readonly attempts: Bag<Attempt>;
  /** Those that have to wait, by the ids of their claims. */
  readonly waiting: Map<string, Attempt>;
  /** Whether a grant would be heard of. */
  readonly isTold: boolean;
  ask(claim: Claim, keys: readonly string[], attempt: Attempt): Call;
  /** @throws LockUnavailableError when too few replicas have it */
  read(answer: Answer): Reply;
  grant(claim: Claim, keys: readonly string[], fence: number, validUntil: number): Grant;
  /** The earliest moment on our clock that this time of the server can be; `undefined` if that is not known. */
  momentOf(serverTime: number): number | undefined;
  /** Sees to it that the claim neither holds nor waits any more. */
  withdraw(claim: Claim, call: Call): void;
  /** Somebody has to wait, and wants to hear of a grant. */
  waits(): void;
}

/** A claim on its way: asks, waits for its turn, asks again in case that nobody tells it, until it is granted or gives up. */
export class Attempt implements CallHandler, Bagged {
  readonly id: string;
  bagIndex = -1;
  readonly result: Promise<Grant | null>;
  readonly #keys: readonly string[];
  #resolve!: (grant: Grant | null) => void;
  #reject!: (reason: Error) => void;
  #call!: Call;
  #isAsking = false;
  #asksAgain = false;
  #isListening = false;
  #isOver = false;
  #notice: Notice | undefined;
  #timer: Timer | undefined;
  #wakeAt = Infinity;

  constructor(
    private readonly context: AttemptContext,
    private readonly claim: Claim,
  ) {
    this.id = idOf(claim);
    this.#keys = keysOf(claim.key);
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (claim.wait) context.attempts.add(this);
    this.ask();
    context.listeners.add(this);
  }

  /** Hears of an abort from now on. Most attempts are answered before that: a signal costs more than they do. */
  listen(): void {
    if (this.#isOver || this.#isListening) return;
    this.#isListening = true;
    const { signal } = this.claim;
    if (signal.aborted) this.#abort();
    else signal.addEventListener('abort', this.#abort, { once: true });
  }

  /** Asks, or asks again: the same claim, which is idempotent. */
  ask(): void {
    this.#asksAgain = this.#isAsking;
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#sleepNoMore();
    const before = this.#call as Call | undefined;
    this.#call = this.context.ask(this.claim, this.#keys, this);
    if (before?.wasSent) this.#call.wasSent = true; // the server knows of the claim
  }

  hear(notice: Notice): void {
    if (notice.kind === 'look') return this.#askIn(notice.expiry - notice.time / 1_000);
    if (this.#isAsking) {
      this.#notice = notice; // which of the two is the newer one, the answer will tell
      return;
    }
    const { claim, context } = this;
    const ends = notice.kind === 'grant' ? context.momentOf(notice.expiry) : undefined;
    const validUntil = ends === undefined ? -Infinity : provableUntil(ends - claim.ttl, claim.ttl);
    if (validUntil - context.clock.now() < claim.ttl / 2) this.ask();
    else this.#granted(notice.fence, validUntil);
  }

  answered(answer: Answer): void {
    this.#isAsking = false;
    try {
      this.#take(this.context.read(answer));
    } catch (error) {
      this.refused(error as Error);
    }
  }

  /** Rejects, and sees to it that nothing of the claim is left. */
  refused(reason: Error): void {
    if (!this.#finish()) return;
    const { signal } = this.claim; // perhaps nobody has listened to it yet
    this.#reject(signal.aborted ? (signal.reason as Error) : reason);
    this.context.withdraw(this.claim, this.#call);
  }

  #take({ fence, sentAt, time, left }: Reply): void {
    const { claim, context } = this;
    if (left === undefined) return this.#granted(fence, provableUntil(sentAt, claim.ttl));
    if (!claim.wait) return this.#end(null);
    context.waiting.set(this.id, this);
    this.listen();
    context.waits();
    claim.contended();
    const notice = this.#notice;
    this.#notice = undefined;
    if (this.#isOver) return;
    if (notice && notice.time >= time) return this.hear(notice); // as late, in one command: it came after the claim
    if (this.#asksAgain) return this.ask();
    this.#askIn(context.isTold ? Math.min(left, claim.ttl / 3) : Math.min(left, this.#pollInterval()));
  }

  /** Many of them together do not poll more than about 750 times a second. */
  #pollInterval(): number {
    const { size } = this.context.waiting;
    return Math.min(1_000, Math.max(POLL_EVERY, size * 2)) * (0.5 + randomInt(500) / 1_000);
  }

  /** Asks again after so many ms, unless it does so earlier anyway. */
  #askIn(ms: number): void {
    const { clock } = this.context;
    const delay = Math.max(10, Math.ceil(ms) + 1);
    if (clock.now() + delay >= this.#wakeAt) return;
    this.#sleepNoMore();
    this.#wakeAt = clock.now() + delay;
    this.#timer = clock.setTimeout(() => this.ask(), delay);
    this.#timer.unref?.();
  }

  #granted(fence: number, validUntil: number): void {
    this.#end(this.context.grant(this.claim, this.#keys, fence, validUntil));
  }

  readonly #abort = (): void => this.refused(this.claim.signal.reason as Error);

  #end(grant: Grant | null): void {
    if (this.#finish()) this.#resolve(grant);
  }

  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    const { claim, context } = this;
    if (this.#isListening) claim.signal.removeEventListener('abort', this.#abort);
    context.attempts.delete(this);
    context.waiting.delete(this.id);
    this.#sleepNoMore();
    return true;
  }

  #sleepNoMore(): void {
    if (!this.#timer) return;
    this.context.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wakeAt = Infinity;
  }
}
