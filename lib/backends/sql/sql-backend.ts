import type { Claim, Grant, LockBackend } from '../../core/backend';
import { systemClock } from '../../core/clock';
import { LockConfigError } from '../../core/errors';
import { Patience } from '../../core/patience';
import type { Database } from './database';
import type { Dialect } from './dialect';
import { messageOf } from './failures';
import { LeaseStrategy } from './lease.strategy';
import { OptimisticStrategy } from './optimistic.strategy';
import type { SqlSettings } from './options';
import type { Strategy, StrategyContext } from './strategy';
import { within } from './strategy';
import { Tables } from './tables';
import { TransactionStrategy } from './transaction.strategy';
import type { Wakeups } from './wakeups';

/** How many connections a pool has that does not tell. */
const USUAL_POOL = 10;

/** What makes a backend of it. */
export interface SqlDriver {
  readonly dialect: Dialect;
  /** @throws LockConfigError when the driver is missing */
  open(patience: Patience): Promise<Database>;
  wakeups(database: Database): Wakeups;
}

/** What there is while the backend is open. */
interface Opened {
  readonly context: StrategyContext;
  readonly strategy: Strategy;
}

/** Locks in a database: what is the same for all of them and for all strategies. */
export class SqlBackend implements LockBackend {
  readonly attempts: number | undefined;
  readonly transactional: boolean;
  #opening: Promise<Opened> | undefined;
  /** The same, as soon as it is there. */
  #strategy: Strategy | undefined;

  constructor(
    readonly name: string,
    private readonly settings: SqlSettings<unknown>,
    private readonly driver: SqlDriver,
  ) {
    this.transactional = settings.strategy !== 'lease';
    this.attempts = settings.strategy === 'optimistic' ? settings.attempts : undefined;
  }

  async open(): Promise<string | undefined> {
    const { context } = await this.#open();
    try {
      return await this.#check(context);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  acquire(claim: Claim): Promise<Grant | null> {
    return this.#strategy
      ? this.#strategy.acquire(claim)
      : this.#open().then(({ strategy }) => strategy.acquire(claim));
  }

  async renew(grants: readonly Grant[]): Promise<readonly (number | null | undefined)[]> {
    const { strategy } = await this.#open();
    return strategy.renew(grants);
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = this.#strategy = undefined;
    const opened = await opening?.catch(() => undefined);
    if (!opened) return;
    const { context, strategy } = opened;
    await context.wakeups.close();
    await strategy.close();
    context.tables.close();
    await context.database.close();
  }

  /** Resolves with a warning when it may work later. @throws LockConfigError when it can never work */
  async #check(context: StrategyContext): Promise<string | undefined> {
    const { dialect, database, tables } = context;
    try {
      const unfit = await within(context, 'It could not be looked at', dialect.tables.unfit(database));
      if (unfit !== undefined) throw new LockConfigError(`No locks can be kept here: ${unfit}.`);
      await within(context, 'The table could not be looked at', tables.ensure());
      return undefined;
    } catch (error) {
      if (error instanceof LockConfigError) throw error;
      const { cause } = error as Error;
      if (dialect.diagnose(cause) === 'refused') {
        throw new LockConfigError(
          `${dialect.name} refuses (${messageOf(cause)}): check address, user, password and database.`,
          { cause },
        );
      }
      return `${dialect.name} is not available yet (${messageOf(error).replace(/\.$/, '')}): until it is, every lock fails with LockUnavailableError.`;
    }
  }

  #open(): Promise<Opened> {
    if (this.#opening) return this.#opening;
    // It may be closed before it is open.
    const patience = new Patience(systemClock);
    const opening: Promise<Opened> = this.driver.open(patience).then(
      (database) => {
        const opened = this.#set(database, patience);
        if (this.#opening === opening) this.#strategy = opened.strategy;
        return opened;
      },
      (error: unknown) => {
        if (this.#opening === opening) this.#opening = undefined;
        throw error;
      },
    );
    return (this.#opening = opening);
  }

  #set(database: Database, patience: Patience): Opened {
    const { dialect } = this.driver;
    const { commandTimeout, strategy, maxConnections } = this.settings;
    const context: StrategyContext = {
      database,
      dialect,
      tables: new Tables(database, dialect, this.settings, systemClock),
      wakeups: this.driver.wakeups(database),
      clock: systemClock,
      patience,
      commandTimeout,
      maxConnections: maxConnections ?? Math.max(1, Math.floor((database.size ?? USUAL_POOL) / 2)),
    };
    return { context, strategy: new STRATEGIES[strategy](context) };
  }
}

const STRATEGIES = { lease: LeaseStrategy, transaction: TransactionStrategy, optimistic: OptimisticStrategy };
