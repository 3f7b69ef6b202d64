import type { Grant, Loss, Outcome, ReleaseAnswer } from '../../core/backend';
import { provableUntil } from '../../core/backend';
import { LockLostError, LockTransactionError } from '../../core/errors';
import type { Lent } from './connections';
import type { CommitAnswer, Dialect, TransactionId } from './dialect';
import { messageOf, unavailable } from './failures';
import type { StrategyContext } from './strategy';
import { limited } from './strategy';
import { StaleVersionError } from './update-versioned';

/** How long a sign of life may take before it is asked for through another connection, as a part of the ttl. */
const BEAT_PATIENCE = 1 / 10;

/** What a transaction is made of. */
export interface TransactionParts {
  readonly context: StrategyContext;
  readonly lent: Lent;
  readonly id: TransactionId;
  readonly row: string;
  readonly ttl: number;
  readonly sentAt: number;
  /** Absent when conflicts are found at the end. */
  readonly fence?: bigint;
  commit(): Promise<CommitAnswer>;
  /** It has ended by itself. It is not done with: a driver forgets to tell statements under way when it is destroyed. */
  onLost(): void;
  /** The connection is done with, and whether it can be used again. */
  onOver(isUsable: boolean): void;
}

/** A lock that lasts as long as a transaction. */
export class TransactionGrant implements Grant {
  validUntil: number;
  readonly #parts: TransactionParts;
  #beat: Promise<boolean | undefined> | undefined;
  #isOver = false;
  #onLost: ((loss: Loss) => void) | undefined;
  #released: Promise<ReleaseAnswer> | undefined;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
    this.validUntil = provableUntil(parts.sentAt, parts.ttl);
    parts.lent.connection.whenEnded((cause) => this.#lose(cause));
  }

  /** As users know it: "PostgreSQL". */
  get databaseName(): string {
    return this.#parts.context.dialect.name;
  }

  /** The driver's connection that the transaction is on. */
  get client(): unknown {
    return this.#parts.lent.connection.client;
  }

  get fence(): bigint {
    return this.#parts.fence ?? 0n;
  }

  get fences(): number {
    return this.#parts.fence === undefined ? 0 : 1;
  }

  /** It was lost, or is being given back. */
  get isOver(): boolean {
    return this.#released !== undefined || this.#parts.lent.connection.failure !== undefined;
  }

  whenLost(listener: (loss: Loss) => void): void {
    const { failure } = this.#parts.lent.connection;
    if (failure) listener({ reason: 'session', cause: failure });
    else this.#onLost = listener;
  }

  /** The connection has ended by itself: the next need not wait for the end of the work. */
  #lose(cause: Error): void {
    if (!this.#isOver) this.#parts.onLost();
    if (!this.#released) this.#onLost?.({ reason: 'session', cause });
  }

  /** Tells the server that we live, and finds out whether the transaction does. */
  async renew(): Promise<number | null | undefined> {
    const { context, ttl, id, row } = this.#parts;
    if (this.isOver) return null;
    const { clock, database, dialect } = context;
    const sentAt = clock.now();
    let isAlive = await this.#askDirectly();
    let askedAt = sentAt;
    if (isAlive === undefined && !this.#released) {
      askedAt = clock.now();
      isAlive = await limited(context, 'It was asked in vain', dialect.transaction.watch(database, id, row));
    }
    if (isAlive === undefined) return undefined;
    return isAlive ? provableUntil(askedAt, ttl) : null;
  }

  /** Its holder has asked for it again. */
  async again(): Promise<this> {
    const validUntil = await this.renew().catch(() => undefined);
    if (typeof validUntil !== 'number') throw unavailable('The lock could not be renewed');
    this.validUntil = validUntil;
    return this;
  }

  release(outcome: Outcome): Promise<ReleaseAnswer> {
    return (this.#released ??= 'ok' in outcome ? this.#commit() : this.#rollBack(outcome.error));
  }

  /** On the connection itself; `undefined` if a statement of the work is in the way. */
  #askDirectly(): Promise<boolean | undefined> | undefined {
    const { context, lent, id, row, ttl } = this.#parts;
    const { connection } = lent;
    if (this.#beat || connection.isBusy) return undefined;
    const beat = (this.#beat = context.dialect.transaction.beat(connection, id, { row, database: context.database }));
    const done = (): void => (this.#beat = undefined);
    beat.then(done, done);
    return new Promise((resolve, reject) => {
      const timer = context.clock.setTimeout(() => resolve(undefined), ttl * BEAT_PATIENCE);
      beat.then(resolve, reject).finally(() => context.clock.clearTimeout(timer));
    });
  }

  async #commit(): Promise<ReleaseAnswer> {
    const { context, lent, ttl, commit } = this.#parts;
    const { connection } = lent;
    if (connection.failure) return this.#over('lost', false);
    let answer: CommitAnswer;
    try {
      answer = await limited(context, 'COMMIT', commit(), { ms: Math.max(ttl, context.commandTimeout) });
    } catch (error) {
      if (context.dialect.isRefusal(error)) {
        await this.#end();
        if (this.fences === 0 && isConflict(error, context.dialect)) return 'conflict';
        throw error; // a constraint that is checked only now: the user knows this error
      }
      this.#over('lost', false);
      throw unknownOutcome(error);
    }
    if (answer === 'committed') return this.#over('released', true);
    await this.#end();
    if (answer === 'conflict') return 'conflict';
    throw answer === 'aborted' ? swallowed(this.databaseName) : ended(this.databaseName);
  }

  /** Rolls back. What the work failed with may have been a conflict. */
  async #rollBack(error: unknown): Promise<ReleaseAnswer> {
    const { context, lent, fence } = this.#parts;
    const wasLost = lent.connection.failure !== undefined;
    await this.#end(!(error instanceof LockLostError)); // the work may go on, and must not write where others do
    if (fence === undefined && isConflict(error, context.dialect)) return 'conflict';
    return wasLost ? 'lost' : 'released';
  }

  /**
   * Ends the transaction, whatever state it is in. A connection that is not to be used again is closed instead: what the work
   * had said behind a ROLLBACK would be carried out, and in PostgreSQL be committed by itself.
   */
  async #end(isUsable = true): Promise<void> {
    const { context, lent, id } = this.#parts;
    const { connection } = lent;
    const { database, dialect } = context;
    try {
      if (this.#beat) await limited(context, '', this.#beat);
      if (connection.failure ?? connection.isBusy) throw new Error('A statement of the work is under way');
      if (isUsable) await limited(context, '', dialect.transaction.rollback(connection));
      this.#over('released', isUsable);
    } catch {
      await limited(context, '', dialect.transaction.kill(database, id)).catch(() => undefined);
      this.#over('lost', false);
    }
  }

  #over(answer: ReleaseAnswer, isUsable: boolean): ReleaseAnswer {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#parts.onOver(isUsable);
    }
    return answer;
  }
}

function isConflict(error: unknown, dialect: Dialect): boolean {
  const fault = dialect.diagnose(error);
  return fault === 'conflict' || fault === 'locked' || error instanceof StaleVersionError;
}

function unknownOutcome(cause: unknown): LockTransactionError {
  return new LockTransactionError(
    `The connection was lost during COMMIT (${messageOf(cause)}), so it is not known whether the work was committed. Look for ` +
      'what it has written before it is repeated.',
    { outcome: 'unknown', cause },
  );
}

function swallowed(database: string): LockTransactionError {
  return new LockTransactionError(
    `${database} has rolled back the work: one of its statements had failed, and its error was not passed on. Let errors of ` +
      'statements pass, or use a savepoint.',
    { outcome: 'rolledBack' },
  );
}

function ended(database: string): LockTransactionError {
  return new LockTransactionError(
    `The work has ended the transaction of its lock (COMMIT, ROLLBACK, or in MySQL a DDL statement or a deadlock), so that ` +
      `${database} committed or rolled back before the end, and what came later ran without the lock. Leave the transaction alone.`,
    { outcome: 'unknown' },
  );
}
