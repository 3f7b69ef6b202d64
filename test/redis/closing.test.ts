import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { redisBackend } from '../../lib/backends/redis';
import type { Claim, LockBackend } from '../../lib/core/backend';
import { LockUnavailableError } from '../../lib/core/errors';
import { clientOf, keysIn, proxyOf, queued, serviceOn, useRedis } from './support';

const redis = useRedis();

function claimOf(key: string, wait: boolean, signal = new AbortController().signal): Claim {
  const contended = (): void => undefined;
  return { key, holder: randomUUID(), mode: 'exclusive', permits: 1, ttl: 60_000, fences: 1, wait, signal, contended };
}

/** One that has been used: of its own connection, or of a client that is slow. */
async function backendOf(client: 'ours' | 'passed in'): Promise<LockBackend> {
  const { server } = redis;
  const proxy = client === 'ours' ? undefined : await proxyOf(server);
  const backend = redisBackend({
    ...(proxy ? { client: clientOf(proxy.url) } : { url: server.url }),
    commandTimeout: '10s',
  });
  const grant = await backend.acquire(claimOf('nestlock:before', false));
  await grant!.release({ ok: true });
  proxy?.delay(100);
  return backend;
}

describe('closed with an acquisition on its way', () => {
  const ways = (['ours', 'passed in'] as const).flatMap((client) =>
    [true, false].flatMap((wait) => [true, false].map((aborts) => ({ client, wait, aborts }))),
  );

  it.each(ways)('nothing is left: client $client, waits: $wait, aborted: $aborts', async ({ client, wait, aborts }) => {
    const { server } = redis;
    const moments: readonly (() => Promise<unknown>)[] =
      client === 'ours'
        ? [() => Promise.resolve(), () => new Promise((resolve) => process.nextTick(resolve))]
        : [2, 30, 150].map((age) => () => sleep(age));
    for (const moment of moments) {
      const backend = await backendOf(client);
      const controller = new AbortController();
      const outcome = backend.acquire(claimOf('nestlock:k', wait, controller.signal)).then(
        () => 'granted',
        (error: unknown) => error,
      );
      await moment();
      const reason = new Error('not wanted any more');
      if (aborts) controller.abort(reason);
      await backend.close!();
      expect(await keysIn(server)).toEqual([]);
      if (aborts) expect(await outcome).toBe(reason);
      else expect(await outcome).toEqual(new LockUnavailableError('The backend was closed before Redis had answered.'));
    }
  });

  it('nobody is left in the queue', async () => {
    const { server } = redis;
    const lock = await (await serviceOn(server.url, { ttl: 60_000 })).acquire('k');
    const backend = await backendOf('ours');
    const waiting = backend.acquire(claimOf('nestlock:k', true)).catch((error: unknown) => error);
    await queued(server, 'k');
    await backend.close!();
    await queued(server, 'k', 0);
    expect(await waiting).toBeInstanceOf(LockUnavailableError);
    await lock.release();
  });
});

it.each(['ours', 'passed in'] as const)('closed with a release on its way: it arrives; client %s', async (client) => {
  const backend = await backendOf(client);
  const grant = await backend.acquire(claimOf('nestlock:k', false));
  const released = grant!.release({ ok: true });
  await backend.close!();
  expect(await keysIn(redis.server)).toEqual([]);
  expect(await released).toBe('released');
});
