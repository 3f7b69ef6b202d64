import type { Timer } from '../../core/clock';
import type { Connection } from './database';
import { unavailable } from './failures';
import type { StrategyContext } from './strategy';
import { within } from './strategy';

/** How long a connection that nobody needs is kept before it goes back to the pool, in ms. */
const LINGER = 100;

const FAILED = 'There is no connection';

/** A connection that is set up for locks. */
export interface Lent {
  readonly connection: Connection;
  /** Undoes what was set on it. */
  readonly restore: (() => Promise<void>) | undefined;
}

interface Asking {
  resolve(lent: Promise<Lent> | Lent): void;
  reject(reason: unknown): void;
}

/** A connection that was asked for. */
export interface Loan {
  readonly lent: Promise<Lent>;
  /** It is not wanted any more. Returns whether it had not come. */
  cancel(): boolean;
}

/**
 * The connections that locks occupy: so many at most, first come, first served. One that was given back is kept for a
 * moment, since setting it up takes as long as a lock does.
 */
export class Connections {
  #lentOut = 0;
  readonly #kept = new Set<Lent>();
  readonly #asking = new Set<Asking>();
  /** Not counted any more, but not destroyed yet. */
  readonly #writtenOff = new WeakSet<Lent>();
  #keepUntil = 0;
  #lingering: Timer | undefined;
  /** Stops the wait of those who ask. */
  #stopWaiting = (): void => undefined;
  #isClosed = false;

  constructor(private readonly context: StrategyContext) {}

  /** One that is kept, if there is any. */
  take(): Lent | undefined {
    if (this.#lentOut >= this.context.maxConnections) return undefined;
    const lent = this.#takeKept();
    if (lent) this.#lentOut++;
    return lent;
  }

  borrow(): Loan {
    let asking: Asking;
    const lent = new Promise<Lent>((resolve, reject) => (asking = { resolve, reject }));
    if (this.#lentOut < this.context.maxConnections) {
      this.#lentOut++;
      asking!.resolve(this.#next());
    } else {
      this.#asking.add(asking!);
      if (this.#asking.size === 1) this.#wait();
    }
    return { lent, cancel: () => this.#asking.delete(asking) };
  }

  giveBack(lent: Lent): void {
    const { connection } = lent;
    if (connection.failure) return this.destroy(lent);
    const [next] = this.#asking;
    if (next) {
      this.#asking.delete(next);
      this.#wait();
      return next.resolve(lent);
    }
    this.#lentOut--;
    if (this.#isClosed) return void this.#return(lent);
    this.#kept.add(lent);
    connection.whenEnded(() => {
      if (this.#kept.delete(lent)) connection.destroy();
    });
    this.#linger();
  }

  /** It has ended by itself: the next need not wait until it is destroyed as well. */
  writeOff(lent: Lent): void {
    this.#writtenOff.add(lent);
    this.#free();
  }

  /** Whatever it was doing ends with it. */
  destroy(lent: Lent): void {
    lent.connection.destroy();
    if (!this.#writtenOff.delete(lent)) this.#free();
  }

  /** Gives back what is not in use. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#lingering) this.context.clock.clearTimeout(this.#lingering);
    this.#stopWaiting();
    this.#refuse(unavailable('The backend was closed'));
    await Promise.all([...this.#kept].map((lent) => this.#return(lent)));
  }

  /** Somebody has one less. */
  #free(): void {
    const [next] = this.#asking;
    if (!next) return void this.#lentOut--;
    this.#asking.delete(next);
    this.#wait();
    next.resolve(this.#next());
  }

  async #next(): Promise<Lent> {
    const kept = this.#takeKept();
    if (kept) return kept;
    const connecting = this.#connect();
    try {
      return await within(this.context, FAILED, connecting);
    } catch (error) {
      connecting.then(({ connection }) => connection.destroy()).catch(() => undefined); // too late
      this.#free();
      throw error;
    }
  }

  #takeKept(): Lent | undefined {
    for (const lent of this.#kept) {
      this.#kept.delete(lent);
      if (!lent.connection.failure) return lent;
    }
    return undefined;
  }

  async #connect(): Promise<Lent> {
    const { database, dialect, tables } = this.context;
    await tables.ensure(); // before, since it takes a connection as well
    const connection = await database.connect();
    try {
      // One that does not answer must not occupy the pool.
      const preparing = tables.use(() => dialect.transaction.prepare(connection));
      return { connection, restore: await within(this.context, FAILED, preparing) };
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /** Gives up on the first who asks when none was given back for so long: it may be what the others wait for. */
  #wait(): void {
    this.#stopWaiting();
    const { patience, commandTimeout, maxConnections } = this.context;
    if (this.#asking.size === 0) return;
    this.#stopWaiting = patience.after(commandTimeout, () => {
      const error = unavailable(
        `All ${maxConnections} connections for locks have been in use for ${commandTimeout} ms: raise "maxConnections" and the ` +
          'size of the pool, or hold locks for a shorter time',
      );
      const [first] = this.#asking;
      this.#asking.delete(first!);
      first!.reject(error);
      this.#wait();
    });
  }

  #refuse(error: Error): void {
    for (const { reject } of this.#asking) reject(error);
    this.#asking.clear();
  }

  #linger(): void {
    this.#keepUntil = this.context.clock.now() + LINGER;
    this.#lingering ??= this.context.clock.setTimeout(this.#endLinger, LINGER);
  }

  readonly #endLinger = (): void => {
    const { clock } = this.context;
    const left = this.#keepUntil - clock.now();
    this.#lingering = left > 0 ? clock.setTimeout(this.#endLinger, left) : undefined;
    if (left <= 0) for (const lent of this.#kept) void this.#return(lent);
  };

  async #return(lent: Lent): Promise<void> {
    this.#kept.delete(lent);
    const { connection, restore } = lent;
    try {
      if (restore) await within(this.context, '', restore());
      connection.giveBack();
    } catch {
      connection.destroy();
    }
  }
}
