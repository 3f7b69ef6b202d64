import { randomUUID } from 'node:crypto';
import type { Claim, LockMode } from './backend';
import type { Request } from './waiter';

/** Why a claim is withdrawn, and a grant that came too late put back. */
export const NOBODY_LEFT = new Error('Nobody waits for this lock any more.');

/** A claim of the line in the store. Most are granted without anybody having looked at their signal, which is dear. */
export class QueueClaim implements Claim {
  readonly holder = randomUUID();
  readonly mode: LockMode;
  readonly permits: number;
  readonly ttl: number;
  readonly label: string | undefined;
  readonly wait = true;
  isWithdrawn = false;
  /** The store has said that it has to wait. */
  isContended = false;
  #controller: AbortController | undefined;

  constructor(
    readonly key: string,
    { shape, label }: Request,
    readonly fences: number,
    private readonly onContended: () => void,
  ) {
    this.mode = shape.mode;
    this.permits = shape.permits;
    this.ttl = shape.ttl;
    this.label = label;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.isWithdrawn) this.#controller.abort(NOBODY_LEFT);
    }
    return this.#controller.signal;
  }

  contended(): void {
    this.isContended = true;
    this.onContended();
  }

  withdraw(): void {
    this.isWithdrawn = true;
    this.#controller?.abort(NOBODY_LEFT);
  }
}

/** A claim of one caller, for one try. */
export function tryClaim(key: string, { shape, label }: Request, signal?: AbortSignal): Claim {
  const { mode, permits, ttl } = shape;
  return {
    key,
    holder: randomUUID(),
    mode,
    permits,
    ttl,
    fences: 1,
    wait: false,
    label,
    get signal() {
      return (signal ??= new AbortController().signal); // not one for all: it would gather the listeners of all
    },
    contended: () => undefined,
  };
}
