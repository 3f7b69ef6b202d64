import { checkStays } from '../processes/stays';
import type { Worker } from '../processes/worker';
import { queued, serviceOn, useRedis, workerOn } from './support';

const redis = useRedis();

const start = (init: Parameters<typeof workerOn>[1]): Promise<Worker[]> =>
  Promise.all(Array.from({ length: 4 }, () => workerOn(redis.server.url, init)));

it.each([0, 32])(
  'four processes: nobody meets, tokens increase, all are served; %i local hand-offs',
  async (handoffs) => {
    const workers = await start({ maxLocalHandoffs: handoffs, waitTimeout: '60s', ttl: 20_000 });
    const exclusive = { sections: 25, options: {} };
    const shared = { sections: 25, options: { mode: 'shared', permits: 3 } } as const;
    const jobs = ['a', 'b', 'c'].flatMap((key) => [
      { key, ...exclusive },
      { key, ...exclusive },
      { key, ...shared },
      { key, ...shared },
    ]);
    const stays = (await Promise.all(workers.map((worker) => worker.ask('load', jobs)))).flat();
    expect(stays).toHaveLength(4 * 12 * 25);
    for (const key of ['a', 'b', 'c']) {
      checkStays(
        stays.filter((stay) => stay.key === key),
        3,
      );
    }
  },
  120_000,
);

it('is first come, first served across processes', async () => {
  const { server } = redis;
  const workers = await start({ ttl: 60_000, maxLocalHandoffs: 0 });
  const locks = await serviceOn(server.url, { ttl: 60_000 });
  const lock = await locks.acquire('k');
  const served: number[] = [];
  const waiting: Promise<unknown>[] = [];
  const order = [0, 1, 2, 3];
  for (const [i, worker] of order.entries()) {
    waiting.push(
      workers[worker]!.ask('acquire', 'k', {}).then(async () => {
        served.push(i);
        await workers[worker]!.ask('release', 'k');
      }),
    );
    await queued(server, 'k', i + 1);
  }
  await lock.release();
  await Promise.all(waiting);
  expect(served).toEqual(order);
});
