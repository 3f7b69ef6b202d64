import type { Clock, Timer } from './clock';
import type { Lease, Shape } from './lease';

/** What a caller brings into the line. */
export interface Request {
  /** The key as the caller gave it. */
  readonly key: string;
  readonly shape: Shape;
  readonly label: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** When the caller came, on the clock. */
  readonly since: number;
  /** How long the caller waits from then on, in ms. */
  readonly waitTimeout: number;
  /** How long the lock must stay taken, in ms. */
  readonly minHold: number;
}

/** One caller in the line for a key: settles exactly once, and leaves no timer and no listener behind. */
export class Waiter {
  readonly lease: Promise<Lease>;
  /** That it has to wait has been published. */
  isAnnounced = false;
  #resolve!: (lease: Lease) => void;
  #reject!: (error: unknown) => void;
  #timer: Timer | undefined;
  #onAbort: (() => void) | undefined;

  constructor(
    readonly request: Request,
    /** Its number among all who came for the key. */
    readonly arrival: number,
    private readonly clock: Clock,
  ) {
    this.lease = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Starts to watch the caller's patience and signal. */
  watch(on: { deadline: () => void; abort: (reason: unknown) => void }): void {
    const { signal, since, waitTimeout } = this.request;
    if (waitTimeout !== Infinity) {
      const left = since + waitTimeout - this.clock.now();
      this.#timer = this.clock.setTimeout(on.deadline, Math.max(0, Math.ceil(left)));
    }
    if (signal) {
      this.#onAbort = () => on.abort(signal.reason);
      signal.addEventListener('abort', this.#onAbort, { once: true });
    }
  }

  grant(lease: Lease): void {
    this.#unwatch();
    this.#resolve(lease);
  }

  refuse(error: unknown): void {
    this.#unwatch();
    this.#reject(error);
  }

  #unwatch(): void {
    if (this.#timer) this.clock.clearTimeout(this.#timer);
    if (this.#onAbort) this.request.signal?.removeEventListener('abort', this.#onAbort);
  }
}
