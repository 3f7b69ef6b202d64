import { setTimeout as sleep } from 'node:timers/promises';
import { LockUnavailableError } from '../../lib/core/errors';
import { until } from '../servers/until';
import type { ZooKeeperServer } from '../servers/zookeeper';
import { lined, nodesOn, serviceOn, sessionsOn, useEnsemble, workerOn } from './support';

const zookeeper = useEnsemble();
/** Longer than an election. */
const SESSION = 10_000;
const init = { ttl: SESSION, waitTimeout: '90s' };

/** Options for a service that prefers this server to the others. */
function preferring(server: ZooKeeperServer) {
  const others = zookeeper.ensemble.servers.filter((each) => each !== server);
  const connect = [server, ...others].map(({ connectString }) => connectString).join();
  return { connect, sessionTimeout: SESSION, commandTimeout: '20s', options: { host_order_deterministic: true } };
}

async function connectionsTo(server: ZooKeeperServer): Promise<number> {
  return [...(await server.fourLetter('cons')).matchAll(/sid=0x/g)].length;
}

describe('one of three servers is killed', () => {
  it.each(['leader', 'follower'])(
    'the %s: whoever was connected to it keeps its session, its lock and its place in the line',
    async (mode) => {
      const { ensemble } = zookeeper;
      const victim = mode === 'leader' ? await ensemble.leader() : (await ensemble.followers())[0]!;
      const survivors = ensemble.servers.filter((each) => each !== victim);
      const holder = await workerOn(preferring(victim), init);
      const [first, second] = [
        await serviceOn(preferring(victim), init),
        await serviceOn(preferring(survivors[0]!), init),
      ];
      const tokens = [BigInt(await holder.ask('acquire', 'k', {}))];
      const shared = await first.acquire('shared', { mode: 'shared' });
      const waiting = [first.acquire('k')];
      await lined(victim, 'k', 2);
      waiting.push(second.acquire('k'));
      await lined(await ensemble.leader(), 'k', 3);
      const before = await nodesOn(await ensemble.leader());
      const sessions = await sessionsOn(await ensemble.leader());
      expect(await connectionsTo(victim)).toBe(2);

      await victim.kill();
      const leader = await ensemble.leader();
      await until('all connections', async () => {
        const counts = await Promise.all(survivors.map(connectionsTo)); // whichever of them a client came to
        return counts[0]! + counts[1]! === 3;
      });
      await sleep(SESSION); // none of them lives on what it has proven before
      expect(await holder.ask('find', 'k')).toMatchObject({ held: true, aborted: false });
      expect(shared.held).toBe(true);
      expect(await nodesOn(leader)).toEqual(before);
      expect((await sessionsOn(leader)).sort()).toEqual(sessions.sort());

      await holder.ask('release', 'k');
      for (const next of waiting) {
        const lock = await next;
        expect(lock.fencingToken).toBeGreaterThan(tokens.at(-1)!);
        tokens.push(lock.fencingToken);
        await lock.release();
      }
      await shared.release();
    },
    120_000,
  );
});

it('without a majority locks are unavailable, and come back with it: nobody lost what did not end meanwhile', async () => {
  const { ensemble } = zookeeper;
  const { connectString: connect } = ensemble;
  const holder = await serviceOn({ connect, sessionTimeout: 30_000, commandTimeout: '1s' }, { ttl: 30_000 });
  const lock = await holder.acquire('k');
  const waiting = holder.acquire('k', { waitTimeout: '90s' });
  await lined(await ensemble.leader(), 'k', 2); // who is not in the line yet would be told that there is no connection
  const victims = await ensemble.followers();
  await Promise.all(victims.map((server) => server.kill()));
  await expect(holder.acquire('other')).rejects.toThrow(LockUnavailableError);
  expect(lock.held).toBe(true);
  await Promise.all(victims.map((server) => server.start()));
  await until('locks again', () => holder.run('other', () => true));
  expect(lock.held).toBe(true);
  await lock.release();
  await (await waiting).release();
}, 120_000);
