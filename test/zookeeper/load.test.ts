import { setTimeout as sleep } from 'node:timers/promises';
import type { LockService } from '../../lib/core/lock-service';
import { checkStays } from '../processes/stays';
import { until } from '../servers/until';
import { lined, proxyOf, serviceOn, timed, useZooKeeper, workerOn } from './support';

/** A session, and a ttl, that a busy machine does not bring to an end, in ms. */
const LONG = 20_000;

const zookeeper = useZooKeeper();

it('connections that break all the time: nobody meets another, all are served, tokens increase', async () => {
  const { server } = zookeeper;
  const options = { sessionTimeout: 8_000, commandTimeout: '30s' };
  const proxies = [await proxyOf(server), await proxyOf(server), await proxyOf(server)];
  const services: LockService[] = [];
  for (const { connectString } of proxies)
    services.push(await serviceOn({ ...options, connect: connectString }, { ttl: 8_000, waitTimeout: '60s' }));
  let isOver = false;
  const breaking = proxies.map(async (proxy, i) => {
    while (!isOver) {
      await sleep(100 + 67 * i);
      if (i === 1) proxy.drop('replies');
      await sleep(20);
      proxy.cut();
      await proxy.restore();
      // On a slow machine it takes longer to come back, and some work has to be done in between.
      const away = await timed(() => until('a connection', () => isOver || proxy.connections > 0));
      await sleep(2 * away);
    }
  });
  let inside = 0;
  let newest = 0n;
  let count = 0;
  const work = async (locks: LockService): Promise<void> => {
    for (let i = 0; i < 8; i++) {
      await locks.run('k', async ({ fencingToken }) => {
        expect(++inside).toBe(1);
        expect(fencingToken).toBeGreaterThan(newest);
        newest = fencingToken;
        await sleep(5);
        inside--;
        count++;
      });
    }
  };
  await Promise.all(services.flatMap((locks) => [work(locks), work(locks)]));
  isOver = true;
  await Promise.all(breaking);
  expect(count).toBe(48);
  await lined(server, 'k', 0);
}, 120_000);

it.each([0, 32])(
  'four processes: nobody meets, tokens increase, all are served; %i local hand-offs',
  async (handoffs) => {
    const init = { maxLocalHandoffs: handoffs, waitTimeout: '60s', ttl: LONG };
    const at = { connect: zookeeper.server.connectString, sessionTimeout: LONG };
    const workers = await Promise.all([1, 2, 3, 4].map(() => workerOn(at, init)));
    const exclusive = { sections: 15, options: {} };
    const shared = { sections: 15, options: { mode: 'shared', permits: 3 } } as const;
    const jobs = ['a', 'b', 'c'].flatMap((key) => [
      { key, ...exclusive },
      { key, ...exclusive },
      { key, ...shared },
      { key, ...shared },
    ]);
    const stays = (await Promise.all(workers.map((worker) => worker.ask('load', jobs)))).flat();
    expect(stays).toHaveLength(4 * 12 * 15);
    for (const key of ['a', 'b', 'c']) {
      const here = stays.filter((stay) => stay.key === key);
      checkStays(here, 3);
    }
  },
  60_000,
);

it('processes that are stopped, and a server that is killed and paused, all at random: nobody meets, tokens increase', async () => {
  const { server } = zookeeper;
  const options = { connect: server.connectString, sessionTimeout: 1_500, commandTimeout: '1s' };
  const workers = await Promise.all([1, 2, 3, 4].map(() => workerOn(options, { ttl: 1_500, waitTimeout: '10s' })));
  const striving = workers.map((worker) => worker.ask('strive', 'k', 20_000));
  for (let i = 0; i < 4; i++) {
    const worker = workers[i]!;
    worker.signal('SIGSTOP');
    await sleep(i % 2 ? 500 : 2_000);
    worker.signal('SIGCONT');
    if (i === 1) server.pause();
    if (i === 2) await server.kill();
    await sleep(1_000);
    if (i === 1) server.resume();
    if (i === 2) await server.start();
  }
  const found = await Promise.all(striving);
  const stays = found.flatMap((each) => each.stays);
  checkStays(stays, 1);
  for (const each of found) expect(each.stays.length).toBeGreaterThan(5);
  const errors = new Set(found.flatMap((each) => each.errors));
  for (const error of errors) expect(['LockLostError', 'LockUnavailableError', 'LockTimeoutError']).toContain(error);
}, 60_000);
