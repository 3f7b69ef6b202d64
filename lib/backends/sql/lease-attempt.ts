import type { Claim, Grant } from '../../core/backend';
import type { LateListeners } from '../../core/late-listeners';
import { LockConfigError } from '../../core/errors';
import type { RowClaim } from './dialect';
import { wasUnsent } from './failures';
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
  grant(claim: RowClaim, fence: bigint, sentAt: number): Grant;
  /** Those who wait for a row in this process. */
  line(row: string): WaitingLine;
  /** Whether there are any. */
  isAwaited(row: string): boolean;
  /** Resolves to whether it was ours. Tried again in the background as long as it might be. */
  free(claim: RowClaim, until: number): Promise<boolean>;
}

/** One claim on its way to its lease. */
export class LeaseAttempt implements Waiting {
  readonly #settling: Settling;
  readonly #row: RowClaim;
  #isWaiting = false;
  /** When the last statement that may have granted it was sent. */
  #sentAt = 0;
  /** Since when the database has not answered; while it waits it is given some time to come back. */
  #failingSince: number | undefined;

  constructor(
    private readonly strategy: LeaseAttemptContext,
    private readonly claim: Claim,
  ) {
    this.#row = rowClaimOf(claim);
    this.#settling = new Settling(claim, () => undefined);
    strategy.listeners.add(this.#settling);
    void this.#start();
  }

  get ttl(): number {
    return this.claim.ttl;
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
      const heldFor = await within(this.strategy.context, FAILED, this.#ask());
      this.#failingSince = undefined;
      return heldFor;
    } catch (error) {
      if (this.#mayRecover(error)) return RETRY_AFTER;
      this.#settling.reject(error);
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
    const { context } = this.strategy;
    const { clock, tables, dialect, database } = context;
    while (!this.#settling.isSettled) {
      const sentAt = (this.#sentAt = clock.now());
      const fence = await this.#guarded(tables.use(() => dialect.lease.take(database, this.#row)));
      if (fence !== undefined) {
        const grant = this.strategy.grant(this.#row, fence, sentAt);
        if (!this.#settling.resolve(grant)) this.#discard();
        return undefined;
      }
      const look = await tables.use(() => dialect.lease.look(database, this.#row, this.claim.wait));
      if (!look) await tables.addRow(this.#row.row);
      else if (look.heldFor > 0) return look.heldFor;
    }
    return undefined;
  }

  /** A statement that failed may have granted it all the same. */
  async #guarded<T>(taking: Promise<T>): Promise<T> {
    try {
      return await taking;
    } catch (error) {
      const isCertain = wasUnsent(error) || error instanceof LockConfigError;
      if (!isCertain && !this.strategy.context.dialect.isRefusal(error)) this.#discard();
      throw error;
    }
  }

  /** What came too late, or may have come: until it cannot be held any more. */
  #discard(): void {
    this.strategy
      .free(this.#row, this.#sentAt + this.claim.ttl + this.strategy.context.commandTimeout)
      .catch(() => undefined);
  }
}
