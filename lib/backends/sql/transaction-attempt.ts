import type { Claim, Grant } from '../../core/backend';
import { LockConfigError } from '../../core/errors';
import type { LateListeners } from '../../core/late-listeners';
import type { Connections, Lent, Loan } from './connections';
import type { Begun, Refused, TransactionId, TransactionTerms } from './dialect';
import { rowName } from './names';
import { Settling } from './settling';
import type { StrategyContext } from './strategy';
import { within } from './strategy';
import { TransactionGrant } from './transaction-grant';
import { TransactionWait } from './transaction-wait';
import type { Taker, Turns } from './turns';

const FAILED = 'The lock could not be asked for';
/** How soon a claim whose connection was lost while it waited lines up again, in ms. */
const RETRY_AFTER = 100;

/** What an attempt needs of its strategy. */
export interface TransactionAttemptContext {
  readonly context: StrategyContext;
  readonly listeners: LateListeners;
  readonly connections: Connections;
  readonly turns: Turns;
  /** What is held, by holder. */
  readonly grants: Map<string, TransactionGrant>;
}

/** One claim on its way to its transaction. */
export class TransactionAttempt implements Taker {
  readonly #settling: Settling;
  readonly #terms: TransactionTerms;
  #loan: Loan | undefined;
  #waiting: TransactionWait | undefined;
  #hasTurn = false;
  #hasWaited = false;
  #failingSince: number | undefined;

  constructor(
    private readonly strategy: TransactionAttemptContext,
    private readonly claim: Claim,
  ) {
    const { mode, ttl, permits } = claim;
    this.#terms = { row: rowName('transaction', claim.key), mode, ttl };
    this.#settling = new Settling(claim, () => this.#withdraw());
    strategy.listeners.add(this.#settling);
    const { turns } = strategy;
    if (permits !== Infinity && mode === 'shared') this.#settling.reject(noPermits());
    else if (mode === 'shared') void this.#share();
    else if (claim.wait) turns.enter(this.#terms.row, this);
    else if (turns.isHeld(this.#terms.row)) this.#settling.resolve(null);
    else this.start();
  }

  get result(): Promise<Grant | null> {
    return this.#settling.result;
  }

  get #queues(): boolean {
    return this.claim.wait && this.claim.mode === 'exclusive';
  }

  wait(): void {
    this.claim.contended();
  }

  start(): void {
    this.#hasTurn = this.#queues;
    void this.#start();
  }

  async #share(): Promise<void> {
    const { context } = this.strategy;
    const { database, dialect } = context;
    try {
      const unfit = await within(context, FAILED, dialect.transaction.unfit(database, this.claim.mode));
      if (unfit !== undefined) throw cannotShare(unfit);
      this.start();
    } catch (error) {
      this.#settling.reject(error);
    }
  }

  async #start(): Promise<void> {
    while ((await this.#tryOnce()) === 'again');
  }

  /** Asks on one connection. */
  async #tryOnce(): Promise<'done' | 'again'> {
    const { connections } = this.strategy;
    let lent: Lent | undefined;
    try {
      lent = connections.take() ?? (await (this.#loan = connections.borrow()).lent);
      const grant = await this.#take(lent);
      if (grant) {
        this.#deliver(grant);
      } else {
        connections.giveBack(lent);
        this.#settling.resolve(null);
        this.#leave();
      }
    } catch (error) {
      if (lent) connections.destroy(lent);
      if (await this.#mayLineUpAgain(error)) return 'again';
      this.#settling.reject(error);
      this.#leave();
    }
    return 'done';
  }

  /** Once it has waited it is given some time to find the database again. */
  async #mayLineUpAgain(error: unknown): Promise<boolean> {
    const { clock, commandTimeout } = this.strategy.context;
    if (!this.#hasWaited || this.#settling.isSettled || error instanceof LockConfigError) return false;
    this.#failingSince ??= clock.now();
    if (clock.now() - this.#failingSince > commandTimeout) return false;
    await new Promise<void>((resolve) => clock.setTimeout(resolve, RETRY_AFTER));
    return !this.#settling.isSettled;
  }

  /** `null`: it is held, and not waited for, or nobody wants it any more. In no transaction then. */
  async #take(lent: Lent): Promise<TransactionGrant | null> {
    const { context } = this.strategy;
    const { dialect, tables, clock } = context;
    const { connection } = lent;
    const { transaction } = dialect;
    while (!this.#settling.isSettled) {
      const sentAt = clock.now();
      const begun = await within(
        context,
        FAILED,
        tables.use(() => this.#begin(lent)),
      );
      if (begun.because === undefined) return this.#grant(lent, begun, sentAt);
      if (begun.because === 'held' && this.claim.wait && !this.#settling.isSettled) {
        const grant = await this.#await(lent, begun.id);
        if (grant) return grant;
      }
      await within(context, FAILED, transaction.rollback(connection));
      if (begun.because === 'held' && !this.claim.wait) return null;
      const { row } = this.#terms;
      if (begun.because === 'noRow')
        await within(
          context,
          FAILED,
          tables.use(() => transaction.addRow(connection, row)),
        );
    }
    return null;
  }

  async #begin({ connection }: Lent): Promise<Begun | Refused> {
    const { transaction } = this.strategy.context.dialect;
    try {
      return await transaction.begin(connection, this.#terms);
    } catch (error) {
      if (!connection.failure) await transaction.rollback(connection);
      throw error;
    }
  }

  /** Waits in the database's own line. Resolves to `undefined` when it has to start again. */
  async #await(lent: Lent, id: TransactionId): Promise<TransactionGrant | undefined> {
    const { context, turns } = this.strategy;
    this.claim.contended();
    if (this.#hasTurn) turns.held(this.#terms.row);
    if (this.#settling.isSettled) return undefined; // by what it was told: nobody would end the wait
    this.#hasWaited = true;
    this.#failingSince = undefined;
    const waiting = (this.#waiting = new TransactionWait(context, lent.connection, id, this.#terms));
    try {
      const locked = await waiting.run(FAILED);
      // It was told to end, perhaps too late: what comes next on this connection must not be hit.
      if (this.#settling.isSettled) throw new Error('Nobody waits for this lock any more');
      return locked && this.#grant(lent, locked.begun, locked.lockedAt);
    } finally {
      this.#waiting = undefined;
    }
  }

  #grant(lent: Lent, { id, fence }: Begun, sentAt: number): TransactionGrant {
    const { strategy, claim } = this;
    const { context, connections, grants } = strategy;
    const grant = new TransactionGrant({
      context,
      lent,
      id,
      fence,
      sentAt,
      row: this.#terms.row,
      ttl: claim.ttl,
      commit: () => context.dialect.transaction.commit(lent.connection, id),
      onLost: () => {
        connections.writeOff(lent);
        grants.delete(claim.holder);
        this.#leave();
      },
      onOver: (isUsable) => {
        if (isUsable) connections.giveBack(lent);
        else connections.destroy(lent);
        grants.delete(claim.holder);
        this.#leave();
      },
    });
    if (!grant.isOver) grants.set(claim.holder, grant);
    return grant;
  }

  #deliver(grant: TransactionGrant): void {
    if (this.#settling.resolve(grant)) {
      if (this.#hasTurn) this.strategy.turns.held(this.#terms.row);
    } else {
      void grant.release({ error: undefined });
    }
  }

  #leave(): void {
    if (this.#hasTurn) this.strategy.turns.leave(this.#terms.row);
    this.#hasTurn = false;
  }

  /** Nobody wants it any more. What is under way sees to itself when it has its answer; a wait is ended now. */
  #withdraw(): void {
    if (this.#queues && this.strategy.turns.withdraw(this.#terms.row, this)) return;
    if (this.#loan?.cancel()) return this.#leave();
    this.#waiting?.cancel();
  }
}

function noPermits(): LockConfigError {
  return new LockConfigError(
    'The strategy "transaction" cannot count holders, so "permits" cannot be used with it. Use the strategy "lease".',
  );
}

function cannotShare(why: string): LockConfigError {
  return new LockConfigError(
    `The strategy "transaction" cannot lock in the mode "shared" here: ${why}. Use the strategy "lease", or exclusive locks.`,
  );
}
