import { setTimeout as sleep } from 'node:timers/promises';
import type { LockService } from '../../lib/core/lock-service';
import { until } from '../servers/until';
import { operatorOn, serviceOn, timed, useZooKeeper } from './support';

/** A session, and a ttl, that a busy machine does not bring to an end, in ms. */
const LONG = 20_000;

// Containers that are empty vanish at once, which takes a minute elsewhere.
const zookeeper = useZooKeeper({ containerCheckInterval: 20 });

describe('containers that vanish when they are empty', () => {
  it('between two locks: the next one is got at once, and its token is greater', async () => {
    const { server } = zookeeper;
    const locks = await serviceOn(server.connectString);
    const operator = await operatorOn(server);
    let newest = 0n;
    for (let i = 0; i < 10; i++) {
      const took = await timed(async () => {
        await locks.run('k', ({ fencingToken }) => {
          expect(fencingToken).toBeGreaterThan(newest);
          newest = fencingToken;
        });
      });
      expect(took).toBeLessThan(4_500);
      await until(
        'an end of the lock',
        async () => !(await operator.get_children('/nestlock', false)).includes('nestlock:k'),
      );
    }
    await locks.run('k', ({ fencingToken }) => expect(fencingToken).toBeGreaterThan(newest), { mode: 'shared' });
  });

  it('all the time, under load: nobody meets another, all are served, tokens increase', async () => {
    const { server } = zookeeper;
    const services: LockService[] = [];
    const at = { connect: server.connectString, sessionTimeout: LONG };
    for (let i = 0; i < 3; i++) services.push(await serviceOn(at, { ttl: LONG }));
    const newest: Record<string, bigint> = {};
    let count = 0;
    const work = async (i: number): Promise<void> => {
      const key = `k${i % 4}`;
      for (let n = 0; n < 40; n++) {
        await sleep((n * i) % 23); // now and then nobody is there
        const [inside, outside] = [`${key} in`, key];
        await services[i % 3]!.run(key, async ({ fencingToken }) => {
          expect(newest[inside]).toBeUndefined();
          newest[inside] = fencingToken;
          expect(fencingToken).toBeGreaterThan(newest[outside] ?? 0n);
          newest[outside] = fencingToken;
          await sleep(1);
          delete newest[inside];
          count++;
        });
      }
    };
    await Promise.all(Array.from({ length: 12 }, (_, i) => work(i)));
    expect(count).toBe(480);
  }, 60_000);

  it('at boot, too: everybody starts without a word of complaint', async () => {
    const { server } = zookeeper;
    for (let i = 0; i < 30; i++) {
      const warn = jest.fn();
      const locks = await serviceOn(server.connectString, { warn });
      await locks.run('k', () => undefined);
      await locks.close();
      expect(warn).not.toHaveBeenCalled();
      await sleep((i * 7) % 25);
    }
  }, 60_000);
});
