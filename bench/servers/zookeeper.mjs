import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { java, NO_JAVA } from '../java.mjs';
import { startServer } from './server.mjs';

const HOST = '127.0.0.1';

/** A ZooKeeper by itself, with the settings of the tests: it writes its log without waiting for the disk. */
export async function startZooKeeper() {
  const { port, stop } = await startServer({
    command({ port, folder }) {
      const lines = [
        ...[`clientPort=${port}`, `clientPortAddress=${HOST}`, `dataDir=${folder}`, 'admin.enableServer=false'],
        ...['tickTime=100', 'minSessionTimeout=200', 'maxSessionTimeout=60000', 'maxClientCnxns=0'],
        ...['4lw.commands.whitelist=*', 'forceSync=no', 'preAllocSize=64'],
      ];
      const file = join(folder, 'zoo.cfg');
      writeFileSync(file, `${lines.join('\n')}\n`);
      return java('info', 'org.apache.zookeeper.server.quorum.QuorumPeerMain', file);
    },
    ready: /ZooKeeper audit is disabled/, // its last word before it serves
    missing: NO_JAVA,
  });
  while (!(await fourLetter(port, 'srvr')).includes('Mode:')) await sleep(100);
  return { url: `${HOST}:${port}`, port, stop };
}

/** The answer to one of the server's four-letter words. */
export function fourLetter(port, word) {
  const socket = connect(port, HOST);
  socket.write(word);
  return text(socket);
}
