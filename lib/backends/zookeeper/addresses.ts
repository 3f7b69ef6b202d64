import { randomInt } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import type { Clock } from '../../core/clock';
import type { ZooKeeperSettings } from './options';

/** How long a look-up of names may take, in ms. */
export const LOOK_UP = 1_000;

/** Where the servers are: tried one after the other, in rounds, until one of them is good. */
export class Addresses {
  /** The last that were found. */
  #known: readonly string[] = [];
  /** Those of them that are to be tried yet. */
  #untried: string[] = [];
  /** How often all of them have been tried in vain. */
  #rounds = 0;

  constructor(
    private readonly settings: ZooKeeperSettings,
    private readonly clock: Clock,
  ) {}

  /** How many are known. */
  get count(): number {
    return this.#known.length;
  }

  /** Whether all have been tried. */
  get areTried(): boolean {
    return this.#untried.length === 0;
  }

  /** By how much more patience each of them gets: twice as much with each round. */
  get patience(): number {
    return 2 ** (this.#rounds - 1);
  }

  /** The next to be tried; `undefined` when there is none. */
  next(): string | undefined {
    return this.#untried.shift();
  }

  /** The last one was good: next time all of them are tried. */
  reset(): void {
    this.#untried = [];
    this.#rounds = 0;
  }

  /** The known ones first; when all have failed, or there are none, the names are looked up. */
  async nextRound(): Promise<void> {
    if (this.#rounds++ > 0 || this.count === 0) {
      const found = await this.#lookUp();
      if (found.length > 0) this.#known = found;
    }
    const { host_order_deterministic: isOrdered } = this.settings.options as { host_order_deterministic?: unknown };
    this.#untried = isOrdered ? [...this.#known] : shuffled(this.#known);
  }

  /** The client would do it too, and let everything else wait meanwhile. */
  async #lookUp(): Promise<readonly string[]> {
    const found = this.settings.servers.map(async ({ host, port }) => {
      const tooLong = new Promise<never[]>((resolve) => this.clock.setTimeout(() => resolve([]), LOOK_UP).unref?.());
      const addresses = await Promise.race([lookup(host, { all: true }).catch(() => []), tooLong]);
      return addresses.map(({ address }) => `${address}:${port}`);
    });
    return (await Promise.all(found)).flat();
  }
}

function shuffled<T>(list: readonly T[]): T[] {
  const ranked = list.map((each) => ({ each, rank: randomInt(2 ** 32) }));
  return ranked.sort((a, b) => a.rank - b.rank).map(({ each }) => each);
}
