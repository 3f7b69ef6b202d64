import { randomInt } from 'node:crypto';
import type { Clock, Timer } from '../../core/clock';
import { LockConfigError } from '../../core/errors';
import type { Database } from './database';
import type { Dialect } from './dialect';
import { messageOf } from './failures';
import type { SqlSettings } from './options';

/** How long a row is kept after its last use, in ms. Its token must not be forgotten before clocks have moved on. */
const KEEP = 24 * 60 * 60_000;
/** How often rows are purged, in ms. */
const PURGE_EVERY = 60 * 60_000;
/** How often a statement is tried that met another transaction, and how long at most before the first of them, in ms. */
const TRIES = 10;
const PAUSE = 5;

/** The table of the locks: there before it is used, and again if somebody has dropped it. */
export class Tables {
  #ready: Promise<void> | undefined;
  /** That promise is resolved. */
  #isReady = false;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(
    private readonly database: Database,
    private readonly dialect: Dialect,
    private readonly settings: Pick<SqlSettings<unknown>, 'table' | 'createTable'>,
    private readonly clock: Clock,
  ) {}

  /** @throws LockConfigError when it has another shape, is missing and may not be made */
  ensure(): Promise<void> {
    if (this.#ready) return this.#ready;
    const ready = this.#make().then(
      () => {
        if (this.#ready !== ready) return; // closed meanwhile
        this.#isReady = true;
        this.#schedule();
      },
      (error: unknown) => {
        if (this.#ready === ready) this.#ready = undefined;
        throw error;
      },
    );
    return (this.#ready = ready);
  }

  /**
   * Runs statements on the table, again if it was dropped meanwhile, or if another transaction was in the way.
   *
   * @param run - statements that commit by themselves, and may be repeated after a failure
   */
  use<T>(run: () => Promise<T>, tries = 1): Promise<T> {
    return this.#isReady ? this.#try(run, tries) : this.ensure().then(() => this.#try(run, tries));
  }

  #try<T>(run: () => Promise<T>, tries: number): Promise<T> {
    return run().catch(async (error: unknown) => {
      const fault = this.dialect.diagnose(error);
      if (fault === 'otherShape') throw this.#otherShape(error);
      if (tries >= TRIES || (fault !== 'noTable' && fault !== 'conflict')) throw error;
      if (fault === 'noTable') this.#forget();
      else await this.#pause(tries);
      return this.use(run, tries + 1);
    });
  }

  addRow(row: string): Promise<void> {
    return this.use(() => this.dialect.tables.addRow(this.database, row));
  }

  close(): void {
    this.#isClosed = true; // statements that come late may look at the table once more
    if (this.#timer) this.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#forget();
  }

  #forget(): void {
    this.#ready = undefined;
    this.#isReady = false;
  }

  async #make(): Promise<void> {
    const { tables } = this.dialect;
    for (let tries = 1; ; tries++) {
      try {
        return await tables.check(this.database);
      } catch (error) {
        const fault = this.dialect.diagnose(error);
        if (fault === 'otherShape') throw this.#otherShape(error);
        if (fault !== 'noTable' || tries >= TRIES) throw error;
        await this.#create(error, tries);
      }
    }
  }

  async #create(missing: unknown, tries: number): Promise<void> {
    const { name, tables } = this.dialect;
    if (!this.settings.createTable) {
      throw new LockConfigError(
        `The table "${this.#name}" is missing (${messageOf(missing)}), and "createTable" is false. Make it with the exported DDL.`,
        { cause: missing },
      );
    }
    try {
      await tables.create(this.database);
    } catch (error) {
      const fault = this.dialect.diagnose(error);
      if (fault === 'refused') {
        throw new LockConfigError(
          `${name} does not let this user make the table "${this.#name}" (${messageOf(error)}). Grant the right to, or make it ` +
            'with the exported DDL.',
          { cause: error },
        );
      }
      if (fault !== 'exists' && fault !== 'conflict') throw error;
      await this.#pause(tries);
    }
  }

  #otherShape(cause: unknown): LockConfigError {
    return new LockConfigError(
      `The table "${this.#name}" is not one of nestlock (${messageOf(cause)}). Choose another name with "table", or alter it: ` +
        'the DDL is exported.',
      { cause },
    );
  }

  get #name(): string {
    return this.settings.table.join('.');
  }

  #schedule(): void {
    if (this.#isClosed) return;
    if (this.#timer) this.clock.clearTimeout(this.#timer);
    this.#timer = this.clock.setTimeout(() => void this.#purge(), PURGE_EVERY / 2 + randomInt(PURGE_EVERY));
    this.#timer.unref?.();
  }

  async #purge(): Promise<void> {
    try {
      while ((await this.dialect.tables.purge(this.database, KEEP)) > 0);
    } catch {
      // The next time, or another process.
    }
    if (this.#ready) this.#schedule();
  }

  #pause(tries: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimeout(resolve, randomInt(PAUSE * 2 ** Math.min(tries, 6))));
  }
}
