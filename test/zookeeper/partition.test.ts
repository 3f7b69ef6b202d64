import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../servers/until';
import type { ZooKeeperServer } from '../servers/zookeeper';
import { expectNoOverlap, lined, SESSION, useEnsemble, workerOn } from './support';

// A follower bears the silence of its leader for 16 s, in which it goes on answering reads.
const zookeeper = useEnsemble({ tickTime: 100, syncLimit: 160 });

async function sides(): Promise<{ follower: ZooKeeperServer; others: string }> {
  const { ensemble } = zookeeper;
  const [follower] = await ensemble.followers();
  const others = ensemble.servers.filter((server) => server !== follower).map(({ connectString }) => connectString);
  return { follower: follower!, others: others.join() };
}

describe('a holder whose server is cut off from the others', () => {
  it.each([5_000, 8_000])(
    'knows that it lost the lock before the next one has it: a session of %i ms',
    async (sessionTimeout) => {
      const { ensemble } = zookeeper;
      const { follower, others } = await sides();
      const holder = await workerOn({ connect: follower.connectString, sessionTimeout }, { ttl: sessionTimeout });
      const next = await workerOn({ connect: others, sessionTimeout }, { ttl: sessionTimeout });
      const token = BigInt(await holder.ask('acquire', 'k', {}));
      const observed = holder.ask('observed', 'k');
      const waiting = next.ask('acquire', 'k', {});
      await lined(await ensemble.leader(), 'k', 2);
      await sleep(sessionTimeout); // so that it lives by what it has proven meanwhile
      expect(await holder.ask('find', 'k')).toMatchObject({ held: true });

      ensemble.isolate(follower);
      const nextToken = BigInt(await waiting);
      expect(nextToken).toBeGreaterThan(token);
      expect(await follower.serves()).toBe(true); // so it was not the end of the connection that told the holder
      const lost = await observed;
      void next.ask('release', 'k');
      expectNoOverlap(lost, (await next.ask('observed', 'k')).since);
      expect(lost.error).toBe('LockLostError');

      await ensemble.heal(follower);
      await holder.ask('release', 'k');
      await until('locks again', () => holder.ask('acquire', 'k', {}).then(() => true));
      await holder.ask('release', 'k');
    },
    120_000,
  );
});

it('a holder whose server was the leader until it was cut off knows that it lost the lock before the next one has it', async () => {
  const { ensemble } = zookeeper;
  const leader = await ensemble.leader();
  const others = ensemble.servers.filter((server) => server !== leader).map(({ connectString }) => connectString);
  const holder = await workerOn(leader.connectString);
  const next = await workerOn({ connect: others.join(), commandTimeout: '60s' }, { waitTimeout: '70s' });
  const token = BigInt(await holder.ask('acquire', 'k', {}));
  const observed = holder.ask('observed', 'k');
  await sleep(SESSION);
  ensemble.isolate(leader);
  expect(await ensemble.leader()).not.toBe(leader); // as soon as the others have lost patience
  expect(BigInt(await next.ask('acquire', 'k', {}))).toBeGreaterThan(token);
  const lost = await observed;
  void next.ask('release', 'k');
  expectNoOverlap(lost, (await next.ask('observed', 'k')).since);
  await ensemble.heal(leader);
  await holder.ask('release', 'k');
  await until('locks again', () => holder.ask('acquire', 'k', {}).then(() => true));
  await holder.ask('release', 'k');
}, 120_000);
