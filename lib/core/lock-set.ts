import { setMaxListeners } from 'node:events';
import type { Loss, Outcome } from './backend';
import { LockConfigError } from './errors';
import type { LockLostError } from './errors';
import type { EndAnswer, Hold } from './hold';
import type { Lock } from './lock';

/** Several holds under one handle. */
export class LockSet implements Lock {
  readonly keys: readonly string[];
  readonly #holds: readonly Hold[];
  readonly #own: readonly Hold[];
  readonly #over = new AbortController();
  #controller: AbortController | undefined;

  /**
   * @param holds - in the order in which they were taken, at least one
   * @param own - those that end with it
   */
  constructor(holds: readonly Hold[], own = holds) {
    this.#holds = holds;
    this.#own = own;
    this.keys = holds.map((hold) => hold.key);
  }

  get fencingToken(): bigint {
    throw new LockConfigError(
      `"fencingToken" is for a single key, and tokens of different keys do not compare. ` +
        `Use fencingTokens.get(key) with one of: ${this.keys.join(', ')}.`,
    );
  }

  get fencingTokens(): ReadonlyMap<string, bigint> {
    return new Map(this.#holds.flatMap((hold) => [...hold.fencingTokens]));
  }

  get loss(): Loss | undefined {
    return this.#holds.find((hold) => hold.loss)?.loss;
  }

  get held(): boolean {
    return this.#holds.every((hold) => hold.held);
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = (this.#controller = new AbortController());
      setMaxListeners(0, controller.signal, this.#over.signal);
      for (const { signal } of this.#holds) {
        if (signal.aborted) controller.abort(signal.reason);
        else signal.addEventListener('abort', () => controller.abort(signal.reason), { signal: this.#over.signal });
      }
    }
    void this.loss; // a loss found out only now aborts the signal
    return this.#controller.signal;
  }

  remainingTime(): number {
    return Math.min(...this.#holds.map((hold) => hold.remainingTime()));
  }

  assertHeld(): void {
    for (const hold of this.#holds) hold.assertHeld();
  }

  lostError(result?: unknown): LockLostError {
    return (this.#holds.find((hold) => hold.loss) ?? this.#holds[0]!).lostError(result);
  }

  /** As `Hold.release`, for each. */
  async release(): Promise<void> {
    await Promise.all([...this.#holds].reverse().map((hold) => hold.release()));
  }

  /** The one that is given back first, while all the others are still held: of those that were not only joined. */
  get last(): Hold {
    return (this.#own.length > 0 ? this.#own : this.#holds).at(-1)!;
  }

  /** Stops listening to the holds: some may outlive this set. */
  detach(): void {
    this.#over.abort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  /** Gives all back, the last one first, and waits for all. @throws why a transaction was not committed */
  async end(outcome: Outcome): Promise<EndAnswer> {
    if (this.#holds[0]!.isTransactional) return this.#commit(outcome);
    const answers = await Promise.all([...this.#holds].reverse().map((hold) => hold.end(outcome)));
    return ANSWERS_BY_WEIGHT.find((answer) => answers.includes(answer)) ?? 'released';
  }

  /** One after the other: each commits while those before it are still held, and not if one behind it could not. */
  async #commit(outcome: Outcome): Promise<EndAnswer> {
    if ('ok' in outcome && this.loss) outcome = { error: this.lostError() };
    let answer: EndAnswer = 'released';
    const holds = [...this.#holds];
    for (let hold = holds.pop(); hold; hold = holds.pop()) {
      try {
        answer = await hold.end(outcome);
      } catch (error) {
        await Promise.all(holds.map((each) => each.end({ error })));
        throw error;
      }
      if (answer === 'lost') outcome = { error: hold.lostError() };
    }
    return this.loss ? 'lost' : answer;
  }
}

const ANSWERS_BY_WEIGHT: readonly EndAnswer[] = ['lost', 'conflict', 'unknown'];
