import { channel } from 'node:diagnostics_channel';
import type { LockMode, Loss } from './backend';
import type { Clock } from './clock';
import type { Lease } from './lease';

/**
 * What is published on `node:diagnostics_channel`, on the channels `nestlock:acquire`, `nestlock:contended`,
 * `nestlock:renew`, `nestlock:lost`, `nestlock:release` and `nestlock:release-failed`. Nothing is computed while nobody
 * listens.
 */
export interface LockEvent {
  /** With its prefix, as the store knows it. */
  readonly key: string;
  /** How it is, or was, to be held. */
  readonly mode: LockMode;
  /** Name of the backend. */
  readonly backend: string;
  /** Name of the set-up; absent for the default one. */
  readonly instance?: string | undefined;
  /** `acquire`: how long the caller waited, in ms. */
  readonly waited?: number;
  /** `release`, `lost`, `release-failed`: how long the lock was held, in ms. */
  readonly held?: number;
  /** All but `contended`: the fencing token. */
  readonly fence?: bigint | undefined;
  /** `lost`: why. */
  readonly reason?: Loss['reason'];
  /** `lost`, `release-failed`: what the backend said. */
  readonly error?: unknown;
}

type Granted = Pick<Lease, 'key' | 'shape' | 'fence'>;

/** One caller's turn on a lease. */
interface Turn {
  readonly fencingTokens: ReadonlyMap<string, bigint>;
  readonly since: number;
}

const acquire = channel('nestlock:acquire');
const contended = channel('nestlock:contended');
const renew = channel('nestlock:renew');
const lost = channel('nestlock:lost');
const release = channel('nestlock:release');
const releaseFailed = channel('nestlock:release-failed');

/** Publishes what happens to the locks of one service, and warns of what an operator must know. */
export class LockEvents {
  constructor(
    private readonly origin: { readonly backend: string; readonly instance?: string | undefined },
    private readonly clock: Clock,
    private readonly warn: (message: string) => void,
  ) {}

  acquired(lease: Lease, since: number): void {
    if (acquire.hasSubscribers) acquire.publish(this.#event(lease, { waited: this.clock.now() - since }));
  }

  contended(key: string, mode: LockMode): void {
    if (contended.hasSubscribers) contended.publish({ key, mode, ...this.origin } satisfies LockEvent);
  }

  renewed(lease: Lease): void {
    if (renew.hasSubscribers) renew.publish(this.#event(lease, {}));
  }

  lost(lease: Lease, { reason, cause }: Loss, hold: Turn): void {
    this.warn(`Lock "${lease.key}" was lost while held (${reason})${because(cause)}`);
    if (lost.hasSubscribers) lost.publish(this.#event(lease, { ...this.#turn(hold), reason, error: cause }));
  }

  released(hold: Turn, lease: Lease): void {
    if (release.hasSubscribers) release.publish(this.#event(lease, this.#turn(hold)));
  }

  /** @param hold - absent for a grant that nobody has used */
  releaseFailed(lease: Granted, error: unknown, hold?: Turn): void {
    this.warn(`Lock "${lease.key}" could not be released and ends with its ttl${because(error)}`);
    if (releaseFailed.hasSubscribers) {
      releaseFailed.publish(this.#event(lease, { held: 0, ...(hold && this.#turn(hold)), error }));
    }
  }

  #turn({ fencingTokens, since }: Turn): Partial<LockEvent> {
    const [fence] = fencingTokens.values();
    return { fence, held: this.clock.now() - since };
  }

  #event({ key, shape, fence }: Granted, details: Partial<LockEvent>): LockEvent {
    return { key, mode: shape.mode, fence, ...this.origin, ...details };
  }
}

function because(cause: unknown): string {
  return cause === undefined ? '' : `: ${cause instanceof Error ? cause.message : String(cause)}`;
}
