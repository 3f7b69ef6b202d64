import type { LockBackend } from '../../lib/core/backend';
import { LockUnavailableError } from '../../lib/core/errors';
import type { BackendFaults } from '../../lib/testing/faulty-backend';
import { faultyBackend } from '../../lib/testing/faulty-backend';
import type { Ledger } from './ledger';
import type { Weather } from './program';

const REFUSED = new LockUnavailableError('the model refuses');

const WEATHER: Record<Weather, BackendFaults> = {
  up: {},
  slow: { acquire: { delayRequest: 20, delayReply: 20 }, renew: { delayReply: 40 }, release: { delayRequest: 20 } },
  refusing: { acquire: { reject: REFUSED }, renew: { reject: REFUSED }, release: { reject: REFUSED } },
  deaf: { renew: { lose: 'request' }, release: { lose: 'reply' } },
  stuck: { renew: { delayReply: 5_000 } },
};

/** What lies between a process and the store. */
export class Connection {
  readonly backend: LockBackend;
  readonly #faults: BackendFaults = {};
  /** Everything that it has been, for the whole program. */
  readonly #weathers = new Set<Weather>(['up']);
  #lastRefusal = -Infinity;
  closed = 0;

  constructor(private readonly ledger: Ledger) {
    this.backend = faultyBackend(
      ledger.view(this, () => this.closed++),
      this.#faults,
    );
  }

  /** Nothing has gone wrong so far: whatever happens, happens at once. */
  get isCalm(): boolean {
    return this.#weathers.size === 1;
  }

  was(weather: Weather): boolean {
    return this.#weathers.has(weather);
  }

  wasRefusingSince(time: number): boolean {
    return this.#faults.acquire?.reject !== undefined || this.#lastRefusal >= time;
  }

  /** By how much a reply may be late, in ms. */
  get replyDelay(): number {
    return this.was('stuck') ? 5_000 : this.was('slow') ? 40 : 0;
  }

  become(weather: Weather): void {
    if (this.#faults.acquire?.reject !== undefined) this.#lastRefusal = this.ledger.clock.now();
    delete this.#faults.acquire;
    delete this.#faults.renew;
    delete this.#faults.release;
    Object.assign(this.#faults, WEATHER[weather]);
    this.#weathers.add(weather);
  }
}
