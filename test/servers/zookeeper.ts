import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { file, program } from './program';
import { Server, startOnFreePort } from './server';

export interface ZooKeeperOptions {
  /** Its unit of time, in ms: sessions end at a multiple of it. Default: 100. */
  readonly tickTime?: number;
  /** Further lines of its zoo.cfg: `'extendedTypesEnabled=true'`, `'maxSessionTimeout=5000'`. */
  readonly conf?: readonly string[];
  /** How often it looks for containers that are empty, in ms. Default: 60,000, as everywhere. */
  readonly containerCheckInterval?: number;
  /** What it is called in its ensemble. Default: it is in none. */
  readonly myid?: number;
}

/** What a test can use of a ZooKeeper that need not be ours. */
export interface ZooKeeper {
  /** For clients: `host:port`, with commas between several, and perhaps a folder at the end. */
  readonly connectString: string;
  stop(): Promise<void>;
}

const OTHERWISE =
  'Or use a server of your own: set ZOOKEEPER_URL for tests that need no faults, pass --url to the demo.';

/** Quick to start, and small; how little is written to disk is no matter, since only processes die here. */
const JVM = [
  ...['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'],
  ...['-Dorg.slf4j.simpleLogger.defaultLogLevel=info', '-Dorg.slf4j.simpleLogger.showDateTime=true'],
  '-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS',
];

/** Starts a ZooKeeper by itself. What it knows is still there when it is started again after `kill()`. */
export async function startZooKeeper(options: ZooKeeperOptions = {}): Promise<ZooKeeperServer> {
  const java = await javaWithZooKeeper();
  return startOnFreePort((port) => new ZooKeeperServer(port, options, java));
}

/** For tests that need no faults: the ZooKeeper that ZOOKEEPER_URL names by its connect string, or a new one. */
export async function anyZooKeeper(): Promise<ZooKeeper> {
  const connectString = process.env['ZOOKEEPER_URL'];
  return connectString ? { connectString, stop: () => Promise.resolve() } : startZooKeeper();
}

/** The beginning of the command: java, its options, and where it finds ZooKeeper. */
export async function javaWithZooKeeper(): Promise<readonly string[]> {
  const java = await program('java', 'default-jre-headless', OTHERWISE);
  // Its manifest names all other libraries that it needs, but none to log with.
  const jar = await file('/usr/share/java/zookeeper.jar', 'libzookeeper-java', OTHERWISE);
  const logger = await file('/usr/share/java/slf4j-simple.jar', 'libslf4j-java', OTHERWISE);
  return [java, ...JVM, '-cp', `${jar}:${logger}`];
}

export class ZooKeeperServer extends Server implements ZooKeeper {
  readonly connectString: string;

  /** @param java - what `javaWithZooKeeper` says */
  constructor(port: number, options: ZooKeeperOptions, java: readonly string[]) {
    const { tickTime = 100, conf = [], containerCheckInterval = 60_000, myid } = options;
    super(
      {
        name: 'zookeeper',
        prepare({ host, folder }) {
          const lines = [
            ...[`clientPort=${port}`, `clientPortAddress=${host}`, `dataDir=${folder}`, 'admin.enableServer=false'],
            ...[`tickTime=${tickTime}`, `minSessionTimeout=${2 * tickTime}`, 'maxSessionTimeout=60000'],
            ...['maxClientCnxns=0', '4lw.commands.whitelist=*', 'forceSync=no', 'preAllocSize=64'],
          ];
          writeFileSync(join(folder, 'zoo.cfg'), [...lines, ...conf, ''].join('\n'));
          if (myid !== undefined) writeFileSync(join(folder, 'myid'), String(myid));
        },
        command: ({ folder }) => [
          ...java,
          `-Dznode.container.checkIntervalMs=${containerCheckInterval}`,
          'org.apache.zookeeper.server.quorum.QuorumPeerMain',
          join(folder, 'zoo.cfg'),
        ],
        // Its last word before it serves or looks for the others; it has its port by then.
        ready: /ZooKeeper audit is disabled/,
      },
      port,
    );
    this.connectString = `${this.host}:${port}`;
  }

  /** In an ensemble that takes more than half of the servers. */
  override async serves(): Promise<boolean> {
    return (await this.mode()) !== undefined;
  }

  /** `standalone`, `leader`, `follower`; undefined while it does not serve. */
  async mode(): Promise<string | undefined> {
    return /^Mode: (\w+)/m.exec(await this.fourLetter('srvr'))?.[1];
  }

  /** The answer to one of its four-letter words: `srvr`, `mntr`, `cons`, `dump`, `wchs`, `wchc`, `wchp`. */
  async fourLetter(word: string): Promise<string> {
    const socket = connect(this.port, this.host).setTimeout(10_000);
    socket.on('timeout', () => socket.destroy(new Error(`no answer to ${word}`)));
    socket.write(word);
    return text(socket);
  }
}
