import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../../../core/clock';
import type { Patience } from '../../../core/patience';
import type { Connection, Database } from '../database';
import type { Wakeups } from '../wakeups';
import type { PostgresClient } from './client';
import { CHANNEL } from './postgres-sql';

/** How often messages are proven to arrive, and how soon that is tried again after it failed, in ms. */
const PROVE_EVERY = 10_000;
const RETRY_AFTER = 5_000;
/** How long the connection is kept when nobody waits any more, in ms. */
const LINGER = 2_000;

type Wake = () => void;

/**
 * LISTEN on one connection for all who wait in this process, while somebody waits. It counts as working only after a message
 * of our own has come back: behind a pooler that lends connections for a transaction, messages arrive nowhere.
 */
export class Notifications implements Wakeups {
  areReliable = false;
  readonly #wakes = new Map<string, Set<Wake>>();
  readonly #echoes = new Map<string, () => void>();
  #isRunning = false;
  #isClosed = false;
  #hasWarned = false;
  /** Ends what the loop waits for. */
  #interrupt: (() => void) | undefined;
  /** Since the last of those who waited has left. */
  #lingering: Timer | undefined;
  #finished: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly patience: Patience,
    private readonly commandTimeout: number,
  ) {}

  listen(row: string, wake: Wake): () => void {
    let wakes = this.#wakes.get(row);
    if (!wakes) this.#wakes.set(row, (wakes = new Set()));
    wakes.add(wake);
    if (!this.#isRunning && !this.#isClosed) this.#finished = this.#run();
    return () => {
      wakes.delete(wake);
      if (wakes.size === 0 && this.#wakes.get(row) === wakes) this.#wakes.delete(row);
      if (this.#wakes.size === 0 && !this.#isClosed) this.#linger();
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopLingering();
    this.#interrupt?.();
    await this.#finished;
  }

  get #isWanted(): boolean {
    return this.#wakes.size > 0 && !this.#isClosed;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#isWanted) {
      let hasFailed = false;
      try {
        await this.#listen();
      } catch (error) {
        hasFailed = true;
        if (error instanceof NoEcho) this.#warn(error); // a connection that was lost is replaced
      }
      this.areReliable = false;
      this.#wakeAll(); // who relied on a message asks again and again from now on
      if (hasFailed && this.#isWanted) await this.#pause(RETRY_AFTER);
    }
    this.#isRunning = false;
  }

  #linger(): void {
    this.#stopLingering();
    this.#lingering = this.clock.setTimeout(() => {
      if (!this.#isWanted) this.#interrupt?.();
    }, LINGER);
    this.#lingering.unref?.();
  }

  #stopLingering(): void {
    if (this.#lingering) this.clock.clearTimeout(this.#lingering);
    this.#lingering = undefined;
  }

  /** Resolves when nobody has waited for a while. */
  async #listen(): Promise<void> {
    const connecting = this.database.connect();
    const connection = await this.#limited(connecting).catch((error: unknown) => {
      connecting.then((late) => late.giveBack()).catch(() => undefined);
      throw error;
    });
    const client = connection.client as PostgresClient;
    client.on('notification', this.#onNotification);
    connection.whenEnded(() => this.#interrupt?.());
    try {
      await this.#limited(connection.query(`LISTEN ${CHANNEL}`));
      do {
        if (connection.failure) throw connection.failure;
        await this.#prove();
        if (!this.areReliable) this.#wakeAll(); // what was told before is not known
        this.areReliable = true;
        await this.#pause(PROVE_EVERY);
      } while (this.#isWanted);
    } finally {
      client.removeListener('notification', this.#onNotification);
      await this.#leave(connection);
    }
  }

  /** Until the loop is to end, and no longer than an answer may take. */
  async #limited<T>(promise: Promise<T>): Promise<T> {
    let stop!: () => void;
    const ending = new Promise<never>((_, reject) => {
      const fail = (): void => reject(new Error('there is no connection for them'));
      this.#interrupt = fail;
      stop = this.patience.after(this.commandTimeout, fail);
    });
    try {
      return await Promise.race([promise, ending]);
    } finally {
      stop();
    }
  }

  async #leave(connection: Connection): Promise<void> {
    const timer = this.clock.setTimeout(() => connection.destroy(), this.commandTimeout);
    try {
      if (!connection.failure) await connection.query(`UNLISTEN ${CHANNEL}`);
      connection.giveBack();
    } catch {
      connection.destroy();
    } finally {
      this.clock.clearTimeout(timer);
    }
  }

  /** Sends a message through another connection, and waits for it. */
  async #prove(): Promise<void> {
    const echo = `echo ${randomUUID()}`;
    let stop!: () => void;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#echoes.set(echo, resolve);
        this.#interrupt = () => reject(new Error('the connection has ended'));
        stop = this.patience.after(this.commandTimeout, () =>
          reject(new NoEcho(`a message to ourselves did not arrive within ${this.commandTimeout} ms`)),
        );
        this.database.query(`SELECT pg_notify('${CHANNEL}', '${echo}')`).catch(reject);
      });
    } finally {
      this.#echoes.delete(echo);
      stop();
    }
  }

  readonly #onNotification = ({ channel, payload }: { channel: string; payload?: string }): void => {
    if (channel !== CHANNEL || payload === undefined) return;
    this.#echoes.get(payload)?.();
    for (const wake of [...(this.#wakes.get(payload) ?? [])]) wake();
  };

  #wakeAll(): void {
    for (const wakes of [...this.#wakes.values()]) for (const wake of [...wakes]) wake();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.clock.setTimeout(resolve, ms);
      timer.unref?.();
      this.#interrupt = () => {
        this.clock.clearTimeout(timer);
        resolve();
      };
    });
  }

  #warn({ message }: Error): void {
    if (this.#hasWarned || this.#isClosed) return;
    this.#hasWarned = true;
    process.emitWarning(
      `Messages from PostgreSQL do not arrive (${message}), so those who wait for a lock ask again and again. Behind a ` +
        'pooler that is as it must be: set "notifications" to false to say so.',
      { type: 'NestlockWarning', code: 'NESTLOCK_NOTIFICATIONS' },
    );
  }
}

class NoEcho extends Error {}
