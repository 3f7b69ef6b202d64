import { allContenders, javaLibraries } from '../contenders/zookeeper/index.mjs';
import { packageOf } from '../facts.mjs';
import { curatorVersion, JavaWorker } from '../java.mjs';
import { fourLetter, startZooKeeper } from '../servers/zookeeper.mjs';
import { nodeWorker, Workers } from '../workers.mjs';

/** nestlock's default. */
const SESSION_TIMEOUT = 10_000;

/** What the cases work with: a ZooKeeper, processes of Node.js and Java, and the plan of how long to measure. */
export async function openZooKeeper({ plan }) {
  const { url, port, stop } = await startZooKeeper();
  const startOne = (library) =>
    Object.hasOwn(javaLibraries, library)
      ? new JavaWorker(javaLibraries[library], url, String(SESSION_TIMEOUT))
      : nodeWorker('zookeeper', library, url, String(SESSION_TIMEOUT));
  return {
    plan: { ...plan, ...plan.zookeeper },
    contenders: allContenders(),
    workers: (library, count = 1) => new Workers(library, count, () => startOne(library)),

    /** From now on; gives what tells the number of requests, by the server. */
    async startCount() {
      const before = await requests(port);
      return async () => (await requests(port)) - before;
    },

    async facts() {
      return [
        ['ZooKeeper', /version: ([\d.]+)/.exec(await fourLetter(port, 'srvr'))[1]],
        ['Java', /java.version=(\S+)/.exec(await fourLetter(port, 'envi'))[1]],
        ['Curator', curatorVersion()],
        ['zookeeper (npm)', packageOf('../node_modules/zookeeper/package.json').version],
      ];
    },

    close: stop,
  };
}

/** How many requests clients have sent so far, those included that only say that they live. */
async function requests(port) {
  return Number(/^zk_packets_received\t(\d+)/m.exec(await fourLetter(port, 'mntr'))[1]);
}
