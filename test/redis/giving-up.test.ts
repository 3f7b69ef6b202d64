import { LockTimeoutError } from '../../lib/core/errors';
import { queued, serviceOn, timed, useRedis } from './support';

const redis = useRedis();

describe('an exclusive waiter before shared ones, while a shared holder has the lock', () => {
  it.each(['its time-out', 'an abort'])('lets them have it at once when it gives up: %s', async (how) => {
    const { server } = redis;
    const [one, other, third] = [
      await serviceOn(server.url, { ttl: 60_000 }),
      await serviceOn(server.url, { ttl: 60_000 }),
      await serviceOn(server.url, { ttl: 60_000 }),
    ];
    const holder = await one.acquire('k', { mode: 'shared' });
    const controller = new AbortController();
    const exclusive = other.acquire('k', {
      waitTimeout: how === 'an abort' ? '60s' : 5_000,
      signal: controller.signal,
    });
    exclusive.catch(() => undefined);
    await queued(server, 'k', 1);
    const shared = [one, third].map((locks) => locks.acquire('k', { mode: 'shared' }));
    await queued(server, 'k', 3);
    const reason = new Error('no longer needed');
    if (how === 'an abort') controller.abort(reason);
    if (how === 'an abort') await expect(exclusive).rejects.toBe(reason);
    else await expect(exclusive).rejects.toThrow(LockTimeoutError);
    const took = await timed(async () => {
      for (const lock of await Promise.all(shared)) await lock.release();
    });
    expect(took).toBeLessThan(15_000); // a third of the ttl is 20 s
    await holder.release();
  });
});
