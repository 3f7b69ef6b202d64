import Redlock from 'redlock';

export const retryDelays = { default: 200, fast: 10 };

export function create(redis, { ttl, retryDelay }) {
  // The default jitter is half of the default delay.
  const redlock = new Redlock([redis], { retryCount: -1, retryDelay, retryJitter: retryDelay / 2 });
  return { run: (key, section) => redlock.using([key], ttl, section) };
}
