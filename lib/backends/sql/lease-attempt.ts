import type { Claim, Grant } from '../../core/backend';
import type { Errands } from '../../core/errands';
import type { LateListeners } from '../../core/late-listeners';
import { LockConfigError } from '../../core/errors';
import type { RowClaim } from './dialect';
import { hadNoEffect } from './failures';
import { rowClaimOf } from './row-claim';
import { Settling } from './settling';
import type { StrategyContext } from './strategy';
import { within } from './strategy';
import type { Waiting, WaitingLine } from './waiting-line';

/** How soon a database that did not answer is asked again, in ms. */
const RETRY_AFTER = 100;

const FAILED = 'The lock could not be asked for';

/** What an attempt needs of its strategy. */
export interface LeaseAttemptContext {
  readonly context: StrategyContext;
  readonly listeners: LateListeners;
  /** What the end of the strategy has to wait for. */
  readonly errands: Errands;
  readonly isClosing: boolean;
  grant(claim: RowClaim, fence: bigint, sentAt: number): Grant;
  /** Those who wait for a row in this process. */
  line(row: string): WaitingLine;
  /** Whether there are any. */
  isAwaited(row: string): boolean;
  /** Sees to it that nobody holds it for this claim, in the background; a statement that is under way may still take it. */
  discard(claim: RowClaim, until: number): void;
}

/** One claim on its way to its lease. */
export class LeaseAttempt implements Waiting {
  readonly #settling: Settling;
  readonly #row: RowClaim;
  #isWaiting = false;
  /** A statement has failed that may have taken it all the same. */
  #mayBeGranted = false;
  #asking: Promise<number | undefined> | undefined;
  /** When the last statement that may have granted it was sent. */
  #sentAt = 0;
  /** Since when the database has not answered; while it waits it is given some time to come back. */
  #failingSince: number | undefined;

  constructor(
    private readonly strategy: LeaseAttemptContext,
    private readonly claim: Claim,
  ) {
    this.#row = rowClaimOf(claim);
    this.#settling = new Settling(claim, () => this.#clean());
    strategy.listeners.add(this.#settling);
    void this.#start();
  }

  get result(): Promise<Grant | null> {
    return this.#settling.result;
  }

  async #start(): Promise<void> {
    const { strategy, claim } = this;
    const mustWait = claim.wait && strategy.isAwaited(this.#row.row);
    if (!mustWait && (await this.ask()) === undefined) return;
    claim.contended();
    if (!claim.wait) this.#settling.resolve(null);
    else if (!this.#settling.isSettled) this.#wait();
  }

  #wait(): void {
    this.#isWaiting = true;
    const line = this.strategy.line(this.#row.row);
    line.join(this);
    const leave = (): void => line.leave(this);
    this.result.then(leave, leave);
  }

  /** Asks once. Resolves to how long it is held; to `undefined` when it is settled. */
  async ask(): Promise<number | undefined> {
    if (this.#settling.isSettled) return undefined;
    try {
      // Not twice at the same time: what came of the one would be taken away with the other.
      this.#asking ??= this.strategy.errands.see(this.#ask());
      const heldFor = await within(this.strategy.context, FAILED, this.#asking);
      this.#failingSince = undefined;
      return heldFor;
    } catch (error) {
      if (this.#mayRecover(error)) return RETRY_AFTER;
      if (this.#settling.reject(error)) this.#clean();
      return undefined;
    }
  }

  #mayRecover(error: unknown): boolean {
    const { clock, commandTimeout } = this.strategy.context;
    if (!this.#isWaiting || error instanceof LockConfigError) return false;
    this.#failingSince ??= clock.now();
    return clock.now() - this.#failingSince < commandTimeout;
  }

  async #ask(): Promise<number | undefined> {
    const { tables, dialect, database } = this.strategy.context;
    try {
      do {
        const fence = await this.#take();
        if (this.strategy.isClosing) this.#settling.listen(); // nobody would give back what is granted now
        if (fence !== undefined) {
          if (!this.#settling.resolve(this.strategy.grant(this.#row, fence, this.#sentAt))) this.#discard();
          return undefined;
        }
        const look = await tables.use(() => dialect.lease.look(database, this.#row, this.claim.wait));
        if (!look) await tables.addRow(this.#row.row);
        else if (look.heldFor > 0) return look.heldFor;
      } while (!this.#settling.isSettled);
      return undefined;
    } finally {
      this.#asking = undefined;
    }
  }

  /** Resolves to the first of its tokens if it was free. */
  async #take(): Promise<bigint | undefined> {
    const { tables, dialect, database, clock } = this.strategy.context;
    this.#sentAt = clock.now();
    try {
      return await tables.use(() => dialect.lease.take(database, this.#row));
    } catch (error) {
      this.#mayBeGranted ||= !hadNoEffect(error, dialect);
      if (this.#settling.isSettled) this.#clean();
      throw error;
    }
  }

  /** It is given up. If it may be granted all the same, that is undone; not before, since it may be asked for again. */
  #clean(): void {
    if (this.#mayBeGranted) this.#discard();
  }

  #discard(): void {
    const { commandTimeout } = this.strategy.context;
    this.strategy.discard(this.#row, this.#sentAt + this.claim.ttl + commandTimeout);
  }
}
