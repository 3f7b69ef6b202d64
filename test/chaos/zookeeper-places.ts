import { setTimeout as sleep } from 'node:timers/promises';
import { startProxy } from '../servers/proxy';
import type { ZooKeeperServer } from '../servers/zookeeper';
import { startZooKeeperEnsemble } from '../servers/zookeeper-ensemble';
import type { Place } from './place';

const SESSION = 3_000;
const COMMAND_TIMEOUT = 2_000;

/** Three servers, which can be parted from each other. */
export async function zookeeperPlace(): Promise<Place> {
  const ensemble = await startZooKeeperEnsemble({ tickTime: 200, syncLimit: 10 });
  const killed = async (server: ZooKeeperServer, ms: number): Promise<void> => {
    await server.kill();
    await sleep(ms);
    await server.start();
    await ensemble.leader();
  };
  const parted = async (server: ZooKeeperServer, ms: number): Promise<void> => {
    ensemble.isolate(server);
    await sleep(ms);
    await ensemble.heal(server);
    await ensemble.leader();
  };
  const follower = async (): Promise<ZooKeeperServer> => (await ensemble.followers())[0]!;
  return {
    promises: { ttl: SESSION },
    commandTimeout: COMMAND_TIMEOUT,
    faults: {
      'kill leader': async (ms) => killed(await ensemble.leader(), ms),
      'kill follower': async (ms) => killed(await follower(), ms),
      'isolate leader': async (ms) => parted(await ensemble.leader(), ms * 2),
      'isolate follower': async (ms) => parted(await follower(), ms * 2),
    },
    async link() {
      const proxies = await Promise.all(ensemble.servers.map((server) => startProxy(server)));
      const connect = proxies.map(({ host, port }) => `${host}:${port}`).join();
      const options = { connect, sessionTimeout: SESSION, commandTimeout: COMMAND_TIMEOUT };
      return { backend: ['zookeeper', options], proxies };
    },
    async leftovers() {
      const leader = await ensemble.leader();
      const dump = await leader.fourLetter('dump');
      return dump.split('\n').filter((line) => line.includes('/nestlock/'));
    },
    stop: () => ensemble.stop(),
  };
}
