import { randomInt } from 'node:crypto';
import { types } from 'node:util';
import type { Bagged } from '../../core/bag';
import type { Clock } from '../../core/clock';
import { backendClosed, isPassing, unavailable } from './failures';

export interface Answer {
  readonly value: unknown;
  /** The backend's clock just before the operation was sent. */
  readonly sentAt: number;
  /** Whether it may have been carried out before: a connection was lost on the way. */
  readonly mayBeRepeated: boolean;
  /** How many replicas have it, if they are asked. */
  readonly replicas: number | undefined;
}

/** Whom a call tells how it ended, at most once. Not a promise: several of them take longer than the rest of it. */
export interface CallHandler {
  answered(answer: Answer): void;
  /** With LockUnavailableError, within `commandTimeout`. */
  refused(error: Error): void;
}

/** What a call needs of the connection. */
export interface CallContext {
  readonly clock: Clock;
  /** In ms. */
  readonly commandTimeout: number;
  /** The last error of the connection, if it is ours to know. */
  readonly lastError: () => unknown;
  /** Sends the call as soon as the client is ready. */
  post(call: Call): void;
  /** The call needs nothing any more. */
  forget(call: Call): void;
}

/**
 * An operation on its way to the server. What a restart, a failover or a lost connection refuses is tried again while there
 * is time: all operations are idempotent.
 */
export class Call implements Bagged {
  /** Whether the server may know of it. */
  wasSent = false;
  /** When it was started, in parts of `commandTimeout`. */
  part = 0;
  bagIndex = -1;
  #isOnItsWay = false;
  #mayBeRepeated = false;
  /** It has its answer, or nobody waits for one any more. */
  #isOver = false;
  #lastError: unknown;
  #onEnd: (() => void) | undefined;

  constructor(
    private readonly context: CallContext,
    readonly keys: readonly string[],
    /** The operation and its arguments, as the script takes them. */
    readonly args: readonly string[],
    private readonly handler: CallHandler,
  ) {
    context.post(this);
  }

  /** Resolves when it is not on its way any more. */
  get ended(): Promise<void> {
    return this.#isOnItsWay ? new Promise((resolve) => (this.#onEnd = resolve)) : Promise.resolve();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Nobody waits for the answer any more: it is not sent again, or not at all. */
  abandon(): void {
    this.#finish();
  }

  sent(): void {
    this.wasSent = this.#isOnItsWay = true;
  }

  /** @param wasLost - whether the connection was lost meanwhile, so that the client may have sent it twice */
  answered(value: unknown, sentAt: number, wasLost: boolean, replicas: number | undefined): void {
    if (types.isNativeError(value)) return this.failed(value);
    this.#arrived();
    const mayBeRepeated = this.#mayBeRepeated || wasLost;
    if (this.#finish()) this.handler.answered({ value, sentAt, mayBeRepeated, replicas });
  }

  failed(error: unknown): void {
    this.#arrived();
    if (!isPassing(error)) {
      if (this.#finish()) this.handler.refused(unavailable('Redis cannot be used', error));
      return;
    }
    this.#mayBeRepeated = true;
    this.#lastError = error;
    const again = (): void => {
      if (!this.#isOver) this.context.post(this);
    };
    if (!this.#isOver) this.context.clock.setTimeout(again, 20 + randomInt(60)).unref?.();
  }

  #arrived(): void {
    this.#isOnItsWay = false;
    this.#onEnd?.();
  }

  timedOut(): void {
    if (!this.#finish()) return;
    const { commandTimeout, lastError } = this.context;
    const cause = this.#lastError ?? lastError();
    this.handler.refused(unavailable(`Redis did not answer within ${commandTimeout} ms`, cause));
  }

  /** The backend is closed. */
  closed(): void {
    if (this.#finish()) this.handler.refused(backendClosed());
  }

  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.context.forget(this);
    return true;
  }
}
