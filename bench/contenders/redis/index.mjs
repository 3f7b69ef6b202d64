/** Every contender is the file of that name, with `create(redis, { ttl, retryDelay })`, which gives `{ run(key, section) }`. */
export const rivals = ['redlock', 'redis-semaphore', 'verrou', 'redlock-universal'];

/** nestlock, and the rivals with both of their settings: the default retry delay (ms), and the one it is fastest with. */
export async function allContenders() {
  const modules = await Promise.all(rivals.map((library) => import(`./${library}.mjs`)));
  const settingsOf = ({ retryDelays }, i) =>
    Object.entries(retryDelays).map(([setting, retryDelay]) => ({ library: rivals[i], setting, retryDelay }));
  return [{ library: 'nestlock' }, ...modules.flatMap(settingsOf)];
}
