import { getEventListeners } from 'node:events';
import { memoryBackend } from '../../lib/backends/memory/memory.backend';
import type { Claim, Grant, LockBackend } from '../../lib/core/backend';
import { Booked } from './booked';
import type { Connection } from './connection';
import type { ModelClock } from './model-clock';

/** A claim that has reached the store. */
export interface Asked {
  readonly claim: Claim;
  grantedRound: number;
  endedRound: number;
}

/**
 * The store of the model: the memory backend, and books of what it has done, so that the truth about every lock is known
 * whatever its holders believe. It can give locks away.
 */
export class Ledger {
  /** Every claim there ever was, in the order of their arrival. */
  readonly asked: Asked[] = [];
  readonly #store: LockBackend;
  readonly #grants = new Map<string, Booked[]>();

  constructor(
    readonly clock: ModelClock,
    private readonly onRelease: (grant: Booked) => void,
  ) {
    this.#store = memoryBackend({ clock });
  }

  /** One process's way to the store. */
  view(connection: Connection, onClose: () => void): LockBackend {
    return {
      name: 'model',
      clock: this.clock,
      acquire: (claim) => this.#acquire(claim, connection),
      renew: async (grants: readonly Grant[]) => {
        const booked = grants as readonly Booked[];
        const answers = await this.#store.renew(booked.map((grant) => grant.renewing()));
        return booked.map((grant, i) => grant.renewed(answers[i]));
      },
      close: async () => onClose(),
    };
  }

  /** Every grant of the key that there ever was. */
  grants(key: string): readonly Booked[] {
    return this.#grants.get(key) ?? [];
  }

  holders(key: string): Booked[] {
    return this.grants(key).filter((grant) => grant.isBooked);
  }

  /** The grant that a token belongs to. */
  of(key: string, token: bigint | undefined): Booked | undefined {
    return token === undefined ? undefined : this.grants(key).find((grant) => grant.hasToken(token));
  }

  steal(key: string): void {
    for (const grant of this.holders(key)) grant.steal();
  }

  endSession(key: string): void {
    for (const grant of this.holders(key)) grant.endSession();
  }

  /** Whoever still holds, waits or listens. */
  get leftovers(): string[] {
    const holders = [...this.#grants.keys()].flatMap((key) => this.holders(key).map(() => `holder of ${key}`));
    const waiters = this.asked.filter(({ endedRound }) => endedRound === Infinity);
    const listening = this.asked.filter(({ claim }) => getEventListeners(claim.signal, 'abort').length > 0);
    return [...holders, ...waiters.map(() => 'a claim'), ...listening.map(() => 'a listener on a claim')];
  }

  async #acquire(claim: Claim, connection: Connection): Promise<Grant | null> {
    const asked = { claim, grantedRound: Infinity, endedRound: Infinity };
    this.asked.push(asked);
    try {
      const inner = await this.#store.acquire(claim);
      if (!inner) return null;
      asked.grantedRound = this.clock.round;
      const grant = new Booked(inner, claim, connection, this.clock, this.onRelease);
      this.#grants.set(claim.key, [...this.grants(claim.key), grant]);
      return grant;
    } finally {
      asked.endedRound = this.clock.round;
    }
  }
}
