import type { Claim, Grant, LockBackend } from '../../core/backend';
import { systemClock } from '../../core/clock';
import { LockConfigError } from '../../core/errors';
import { Opening } from '../../core/opening';
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
  wakeups(database: Database, patience: Patience): Wakeups;
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
  readonly #opening = new Opening(() => this.#open());

  constructor(
    readonly name: string,
    private readonly settings: SqlSettings<unknown>,
    private readonly driver: SqlDriver,
  ) {
    this.transactional = settings.strategy !== 'lease';
    this.attempts = settings.strategy === 'optimistic' ? settings.attempts : undefined;
  }

  async open(): Promise<string | undefined> {
    const { context } = await this.#opening.get();
    try {
      return await this.#check(context);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  acquire(claim: Claim): Promise<Grant | null> {
    const { opened } = this.#opening;
    return opened
      ? opened.strategy.acquire(claim)
      : this.#opening.get().then(({ strategy }) => strategy.acquire(claim));
  }

  async renew(grants: readonly Grant[]): Promise<readonly (number | null | undefined)[]> {
    const { strategy } = await this.#opening.get();
    return strategy.renew(grants);
  }

  async close(): Promise<void> {
    const opened = await this.#opening.take();
    if (!opened) return;
    const { context, strategy } = opened;
    await Promise.all([context.wakeups.close(), strategy.close()]);
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
      if (!this.transactional) return undefined;
      return await within(context, 'It could not be looked at', dialect.transaction.check?.(database) ?? NOTHING);
    } catch (error) {
      if (error instanceof LockConfigError) throw error;
      const { cause } = error as Error;
      if (dialect.diagnose(cause) === 'refused') {
        throw new LockConfigError(
          `${dialect.name} refuses (${messageOf(cause)}): check address, user, password, database and rights.`,
          { cause },
        );
      }
      return `${dialect.name} is not available yet (${messageOf(error).replace(/\.$/, '')}): until it is, every lock fails with LockUnavailableError.`;
    }
  }

  async #open(): Promise<Opened> {
    const patience = new Patience(systemClock);
    const database = await this.driver.open(patience);
    const { dialect } = this.driver;
    const { commandTimeout, strategy, maxConnections } = this.settings;
    const context: StrategyContext = {
      database,
      dialect,
      tables: new Tables(database, dialect, this.settings, systemClock),
      wakeups: this.driver.wakeups(database, patience),
      clock: systemClock,
      patience,
      commandTimeout,
      maxConnections: maxConnections ?? Math.max(1, Math.floor((database.size ?? USUAL_POOL) / 2)),
    };
    return { context, strategy: new STRATEGIES[strategy](context) };
  }
}

const NOTHING = Promise.resolve(undefined);

const STRATEGIES = { lease: LeaseStrategy, transaction: TransactionStrategy, optimistic: OptimisticStrategy };
