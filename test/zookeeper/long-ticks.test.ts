import { setTimeout as sleep } from 'node:timers/promises';
import type { Lock } from '../../lib/core/lock';
import type { LockService } from '../../lib/core/lock-service';
import { until } from '../servers/until';
import { lined, serviceOn, useEnsemble } from './support';

// A follower tells the leader every half tick whom it has heard from: what was heard last may never be told.
const zookeeper = useEnsemble({ tickTime: 2_000, syncLimit: 10 });
const KEYS = Array.from({ length: 40 }, (_, i) => `k${i}`);
const commandTimeout = '20s';

/** The latest end that each lock has promised; kept up to date until it is lost. */
function promisesOf(locks: readonly Lock[]): number[] {
  const promises = locks.map(() => 0);
  const timer = setInterval(() => {
    locks.forEach((lock, i) => {
      if (lock.held) promises[i] = Math.max(promises[i]!, performance.now() + lock.remainingTime());
    });
    if (!locks.some(({ held }) => held)) clearInterval(timer);
  }, 5);
  return promises;
}

it.each([0, 300])(
  'holders whose server is cut off while ticks are long rely on nothing that the leader may not know; %i ms on',
  async (delay) => {
    const { ensemble } = zookeeper;
    const [follower] = await ensemble.followers();
    const others = ensemble.servers.filter((server) => server !== follower).map((server) => server.connectString);
    const holders: LockService[] = [];
    for (const i of KEYS.keys()) {
      const sessionTimeout = 4_000 + i * 25; // which the leader rounds up to whole ticks
      holders.push(await serviceOn({ connect: follower!.connectString, sessionTimeout, commandTimeout }));
    }
    const next = await serviceOn({ connect: others.join(), commandTimeout });
    const locks: Lock[] = [];
    for (const [i, holder] of holders.entries()) {
      locks.push(await holder.acquire(KEYS[i]!));
      await sleep(15); // so that they are renewed at different times
    }
    const promises = promisesOf(locks);
    const waiting = KEYS.map(async (key, i) => {
      const lock = await next.acquire(key);
      return { lock, late: promises[i]! - performance.now(), held: locks[i]!.held };
    });
    await lined(await ensemble.leader(), KEYS.at(-1)!, 2);
    await sleep(4_000 + delay);
    expect(locks.filter(({ held }) => held).length).toBeGreaterThan(KEYS.length / 2);

    ensemble.isolate(follower!);
    const served = await Promise.all(waiting);
    for (const { late, held } of served) {
      expect(late).toBeLessThan(0);
      expect(held).toBe(false);
    }
    served.forEach(({ lock }, i) => expect(lock.fencingToken).toBeGreaterThan(locks[i]!.fencingToken));
    await ensemble.heal(follower!);
    await until('a follower that is back', () => follower!.serves());
    for (const lock of [...locks, ...served.map((each) => each.lock)]) await lock.release();
    await until('locks again', () => holders[0]!.run('k', () => true));
  },
  120_000,
);
