import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../../core/clock';
import { Patience } from '../../core/patience';
import type { OwnRedisClient, RedisClient } from './client';
import { isCluster } from './client';
import { messageOf } from './failures';
import { Pulse } from './pulse';

/** How often a subscription that somebody relies on is proven again, in ms. */
const PROVE_EVERY = 5_000;

interface SubscriberSettings {
  readonly clock: Clock;
  readonly client: RedisClient;
  /** Makes the connection that listens; not before somebody has to wait. */
  readonly connect: () => OwnRedisClient;
  /** How long a subscription or an echo may take, in ms. */
  readonly timeout: number;
  readonly isNeeded: () => boolean;
  readonly onMessage: (text: string) => void;
  /** Grants are heard from now on, or not any more: those who wait had better ask again. */
  readonly onChange: () => void;
}

/**
 * Hears of grants: one connection with one channel for the whole process. It counts as working once it has heard what the
 * main connection published, and proves it again every few seconds while somebody waits: a proxy may swallow messages, a
 * user may not be allowed to publish, a connection may die without a word.
 */
export class Subscriber {
  /** Where this process is told of its grants. */
  readonly channel = `nestlock:wake:${randomUUID()}`;
  #client: OwnRedisClient | undefined;
  #pulse: Pulse | undefined;
  #works = false;
  #isProving = false;
  /** How often its connection was lost. */
  #losses = 0;
  #hasWarned = false;
  #isClosed = false;
  #onEcho: (() => void) | undefined;
  #timer: Timer | undefined;
  readonly #patience: Patience;

  constructor(private readonly settings: SubscriberSettings) {
    this.#patience = new Patience(settings.clock);
  }

  get works(): boolean {
    return this.#works;
  }

  /** Somebody waits. */
  start(): void {
    if (this.#timer || this.#isClosed) return;
    if (!this.#client) {
      this.#open();
    } else {
      this.#works = false; // nobody has looked since nobody needed it, and it may have died without a word
      void this.#prove();
    }
    this.#lookAgain();
  }

  #lookAgain(): void {
    const again = (): void => {
      this.#timer = undefined;
      if (!this.settings.isNeeded()) return;
      if (!this.#works) this.#pulse!.feel();
      void this.#prove();
      this.#lookAgain();
    };
    this.#timer = this.settings.clock.setTimeout(again, this.#works ? PROVE_EVERY : PROVE_EVERY / 5);
    this.#timer.unref?.();
  }

  close(): void {
    this.#isClosed = true; // an answer that comes late must not open it again
    if (this.#timer) this.settings.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    const client = this.#client;
    this.#client = undefined;
    this.#works = false;
    client?.disconnect();
  }

  #open(): void {
    const client = (this.#client = this.settings.connect());
    this.#pulse = new Pulse(client, this.settings.clock, this.settings.timeout);
    client.on('error', () => undefined); // it reconnects by itself; whoever waits asks by itself meanwhile
    client.on('message', (channel: string, text: string) => {
      if (channel !== this.channel) return;
      if (text === 'echo') this.#onEcho?.();
      else this.settings.onMessage(text);
    });
    client.on('ready', () => void this.#prove());
    client.on('close', () => {
      this.#losses++;
      this.#turn(false);
    });
  }

  async #prove(): Promise<void> {
    const client = this.#client;
    if (!client || client.status !== 'ready' || this.#isProving) return;
    this.#isProving = true;
    const losses = this.#losses;
    try {
      await this.#within(client.subscribe(this.channel));
      if (this.settings.client.status !== 'ready') return this.#turn(false); // it would queue what it is given
      const heard = new Promise<void>((resolve) => (this.#onEcho = resolve));
      const published = this.settings.client.publish(this.channel, 'echo').then((receivers) => {
        // A replica passes messages on as well, and is not where grants are counted.
        if (Number(receivers) === 0 && !isCluster(client)) throw DEAF;
      });
      await this.#within(Promise.all([heard, published]));
      if (losses !== this.#losses) throw DEAF;
      this.#turn(true);
    } catch (error) {
      if (this.#client !== client) return; // it was closed
      this.#turn(false);
      if (error === DEAF) client.disconnect(true);
      this.#warn(error);
    } finally {
      this.#isProving = false;
    }
  }

  #turn(works: boolean): void {
    if (works === this.#works) return;
    this.#works = works;
    this.settings.onChange();
  }

  #within(promise: Promise<unknown>): Promise<unknown> {
    return this.#patience.limit(this.settings.timeout, promise, () => DEAF);
  }

  #warn(error: unknown): void {
    if (this.#hasWarned || this.settings.client.status !== 'ready') return;
    this.#hasWarned = true;
    process.emitWarning(
      `Messages from Redis do not arrive (${messageOf(error)}), so those who wait for a lock ask again and again. ` +
        `Allow the user SUBSCRIBE and PUBLISH on "nestlock:wake:*"; or, behind a proxy without pub/sub, pass { notifications: false }.`,
      { type: 'NestlockWarning', code: 'NESTLOCK_NOTIFICATIONS' },
    );
  }
}

const DEAF = new Error('an echo did not come back in time');
