import { Mutex } from 'redis-semaphore';

export const retryDelays = { default: 10, fast: 1 };

export function create(redis, { ttl, retryDelay }) {
  const options = { lockTimeout: ttl, acquireTimeout: Infinity, retryInterval: retryDelay };
  return {
    async run(key, section) {
      const mutex = new Mutex(redis, key, options);
      await mutex.acquire();
      try {
        return await section();
      } finally {
        await mutex.release();
      }
    },
  };
}
