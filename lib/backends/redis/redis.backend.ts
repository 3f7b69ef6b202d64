import type { Claim, Grant, LockBackend } from '../../core/backend';
import { systemClock } from '../../core/clock';
import { Opening } from '../../core/opening';
import { checkServer } from './check-server';
import type { RedisClient } from './client';
import { createClient, createSubscriber } from './connect';
import type { RedisBackendOptions, RedisSettings } from './options';
import { checkRedisOptions } from './options';
import { Pulse } from './pulse';
import { RedisStore } from './store';

/**
 * Locks in Redis 6.2 or newer, alone, behind Sentinel, or as a Cluster; or in Valkey. Waiters queue in Redis, first come,
 * first served; a lock is handed to the next one in the same step that frees it, and only that one is woken.
 *
 * The recipe of "SET key id NX PX ttl" with a compare-and-delete (https://redis.io/docs/latest/develop/use/patterns/distributed-locks/,
 * "single instance"), with a queue, hand-over and fencing tokens in the same Lua scripts.
 *
 * @param target - a URL, an ioredis client, or options
 * @throws LockConfigError when that is none of them
 */
export function redisBackend(target: string | RedisClient | RedisBackendOptions): LockBackend {
  return new RedisBackend(checkRedisOptions(target));
}

interface Connection {
  readonly client: RedisClient;
  readonly store: RedisStore;
  readonly close: () => Promise<void>;
}

class RedisBackend implements LockBackend {
  readonly name = 'redis';
  readonly #connection = new Opening(() => this.#open());

  constructor(private readonly settings: RedisSettings) {}

  async open(): Promise<string | undefined> {
    const { client } = await this.#connection.get();
    try {
      return await checkServer(client, this.settings);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  acquire(claim: Claim): Promise<Grant | null> {
    const { opened } = this.#connection;
    return opened ? opened.store.acquire(claim) : this.#connection.get().then(({ store }) => store.acquire(claim));
  }

  async renew(grants: readonly Grant[]): Promise<readonly (number | null | undefined)[]> {
    const { store } = await this.#connection.get();
    return store.renew(grants);
  }

  async close(): Promise<void> {
    const connection = await this.#connection.take();
    await connection?.close();
  }

  async #open(): Promise<Connection> {
    const { settings } = this;
    const own = settings.client ? undefined : await createClient(settings);
    const client = settings.client ?? own!;
    let lastError: unknown;
    own?.on('error', (error: unknown) => (lastError = error));
    own?.on('ready', () => (lastError = undefined));
    const pulse = own && new Pulse(own, systemClock, settings.commandTimeout / 2);
    const store = new RedisStore(client, {
      ...settings,
      lastError: () => lastError,
      onDelay: () => pulse?.feel(), // a client passed in is not ours to disconnect
      connectSubscriber: () => createSubscriber(client),
    });
    return {
      client,
      store,
      close: async () => {
        await store.close();
        own?.disconnect();
      },
    };
  }
}
