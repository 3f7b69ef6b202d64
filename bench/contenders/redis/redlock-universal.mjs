import { IoredisAdapter, createLock } from 'redlock-universal';

export const retryDelays = { default: 100, fast: 1 };

export function create(redis, { ttl, retryDelay }) {
  const adapter = new IoredisAdapter(redis);
  const locks = new Map();
  // One lock object per key, as its documentation shows: a new one asks first whether the connection is alive.
  const lockOf = (key) => {
    if (!locks.has(key)) {
      const lock = createLock({ adapter, key, ttl, retryDelay, retryAttempts: Number.MAX_SAFE_INTEGER });
      locks.set(key, lock);
    }
    return locks.get(key);
  };
  return { run: (key, section) => lockOf(key).using(section) };
}
