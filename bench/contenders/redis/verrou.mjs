import { LockFactory } from '@verrou/core';
import { redisStore } from '@verrou/core/drivers/redis';

export const retryDelays = { default: 250, fast: 1 };

export function create(redis, { ttl, retryDelay }) {
  const store = redisStore({ connection: redis }).factory();
  const locks = new LockFactory(store, { retry: { attempts: Infinity, delay: retryDelay } });
  return { run: (key, section) => locks.createLock(key, ttl).run(section) };
}
