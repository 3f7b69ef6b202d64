import type { Timer } from '../../core/clock';
import type { Connection } from './database';
import type { Begun, TransactionId, TransactionTerms } from './dialect';
import { asUnavailable } from './failures';
import type { StrategyContext } from './strategy';
import { limited } from './strategy';

/** How often a transaction that waits is looked at, in ms: at least, and as a part of the ttl. */
const LOOK_EVERY = 1_000;
const LOOK_PART = 1 / 3;

/** A transaction that waits for its row in the database's own line. */
export class TransactionWait {
  #timer: Timer | undefined;
  #isOver = false;

  constructor(
    private readonly context: StrategyContext,
    private readonly connection: Connection,
    private readonly id: TransactionId,
    private readonly terms: TransactionTerms,
  ) {}

  /**
   * Resolves when it has the row, and to `undefined` when it has to start again.
   *
   * @param what - for messages
   * @throws LockUnavailableError
   */
  async run(what: string): Promise<{ readonly begun: Begun; readonly lockedAt: number } | undefined> {
    const { clock, dialect } = this.context;
    this.#plan();
    let lockedAt = 0;
    try {
      const onLocked = (): void => void (lockedAt = clock.now());
      const begun = await dialect.transaction.wait(this.connection, this.terms, onLocked);
      return begun && { begun, lockedAt };
    } catch (error) {
      const fault = dialect.diagnose(error);
      if (fault === 'locked' || fault === 'conflict' || fault === 'cancelled') return undefined;
      throw asUnavailable(what, error);
    } finally {
      this.#isOver = true;
      clock.clearTimeout(this.#timer!);
    }
  }

  /** Ends it, through another connection; if there is none to be had, this one is given up for it. */
  cancel(): void {
    const { database, dialect } = this.context;
    const killing = dialect.transaction.kill(database, this.id);
    limited(this.context, '', killing).catch(() => this.connection.destroy());
  }

  #plan(): void {
    const delay = Math.max(LOOK_EVERY, this.terms.ttl * LOOK_PART);
    this.#timer = this.context.clock.setTimeout(() => void this.#look(), delay);
    this.#timer.unref?.();
  }

  /** A connection that was cut silently would be waited on for ever: so it is looked at through another. */
  async #look(): Promise<void> {
    const { database, dialect } = this.context;
    const looking = dialect.transaction.watch(database, this.id, this.terms.row);
    const isAlive = await limited(this.context, '', looking).catch(() => undefined);
    if (this.#isOver) return;
    if (isAlive === false) this.connection.destroy();
    else this.#plan();
  }
}
