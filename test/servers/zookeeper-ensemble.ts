import { freePorts, HOST } from './ports';
import { TcpProxy } from './proxy';
import { withFreePorts } from './server';
import { until } from './until';
import { javaWithZooKeeper, type ZooKeeper, type ZooKeeperOptions, ZooKeeperServer } from './zookeeper';

export interface EnsembleOptions extends Omit<ZooKeeperOptions, 'myid'> {
  /** For how many ticks a follower puts up with the silence of its leader, and the other way round. Default: 50. */
  readonly syncLimit?: number;
  /** Whether they can be parted: what they send each other then passes through this process. Default: true. */
  readonly isolable?: boolean;
}

/** Where a server listens to the others. */
interface Ports {
  readonly quorum: number;
  readonly election: number;
}

/** What one server sends to another, and the answers. Its ports are what the sender believes to be those of the other. */
interface Wire {
  readonly from: ZooKeeperServer;
  readonly to: ZooKeeperServer;
  readonly proxies: readonly TcpProxy[];
}

const IDS = [1, 2, 3] as const;
const PAIRS = IDS.flatMap((from) => IDS.filter((to) => to !== from).map((to) => [from, to] as const));

/** Starts three servers, which elect a leader. */
export async function startZooKeeperEnsemble(options: EnsembleOptions = {}): Promise<ZooKeeperEnsemble> {
  const java = await javaWithZooKeeper();
  return withFreePorts(async () => {
    const ensemble = await prepare(options, java);
    try {
      await ensemble.start();
      return ensemble;
    } catch (error) {
      await ensemble.stop();
      throw error;
    }
  });
}

export class ZooKeeperEnsemble implements ZooKeeper {
  readonly connectString: string;
  private readonly isolated = new Set<ZooKeeperServer>();

  constructor(
    readonly servers: readonly ZooKeeperServer[],
    private readonly wires: readonly Wire[],
  ) {
    this.connectString = servers.map((server) => server.connectString).join(',');
  }

  async start(): Promise<void> {
    await Promise.all(this.wires.flatMap(({ proxies }) => proxies.map((proxy) => proxy.restore())));
    await Promise.all(this.servers.map((server) => server.start()));
  }

  /** The leader of those that are not isolated. Resolves when there is one. */
  leader(): Promise<ZooKeeperServer> {
    return until('a leader', async () => (await this.inMode('leader'))[0]);
  }

  /** The followers of that leader. Resolves when there is one at least. */
  followers(): Promise<readonly ZooKeeperServer[]> {
    return until('a follower', async () => {
      const followers = await this.inMode('follower');
      return followers.length > 0 && followers;
    });
  }

  /** Parts it from the other servers without a word: what they send is on its way until `heal`. Clients still reach it. */
  isolate(server: ZooKeeperServer): void {
    if (this.wires.length === 0) throw new Error('this ensemble was started with { isolable: false }');
    this.isolated.add(server);
    for (const wire of this.wires.filter((each) => this.isCut(each))) {
      for (const proxy of wire.proxies) proxy.hold('both');
    }
  }

  /** All that was on its way arrives. It may take the server a moment to serve again. */
  async heal(server: ZooKeeperServer): Promise<void> {
    this.isolated.delete(server);
    const whole = this.wires.filter((wire) => !this.isCut(wire));
    await Promise.all(whole.flatMap(({ proxies }) => proxies.map((proxy) => proxy.restore())));
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
    await Promise.all(this.wires.flatMap(({ proxies }) => proxies.map((proxy) => proxy.close())));
  }

  private isCut({ from, to }: Wire): boolean {
    return this.isolated.has(from) || this.isolated.has(to);
  }

  private async inMode(mode: string): Promise<ZooKeeperServer[]> {
    const servers = this.servers.filter((server) => server.running && !this.isolated.has(server));
    const modes = await Promise.all(servers.map((server) => server.mode().catch(() => undefined)));
    return servers.filter((_, i) => modes[i] === mode);
  }
}

async function prepare(
  { syncLimit = 50, isolable = true, ...options }: EnsembleOptions,
  java: readonly string[],
): Promise<ZooKeeperEnsemble> {
  const ports = await freePorts(3 * IDS.length + 2 * PAIRS.length);
  const take = (): Ports => ({ quorum: ports.pop()!, election: ports.pop()! });
  const own = new Map(IDS.map((id) => [id, take()]));
  const believed = new Map(PAIRS.map(([from, to]) => [`${from}-${to}`, take()]));

  const servers = new Map(
    IDS.map((id) => {
      const peers = IDS.map((each) => {
        const { quorum, election } = each === id || !isolable ? own.get(each)! : believed.get(`${id}-${each}`)!;
        return `server.${each}=${HOST}:${quorum}:${election}`;
      });
      // Ample time for the first words, which matters to nobody, and the said time for all others.
      const conf = [...peers, 'initLimit=100', `syncLimit=${syncLimit}`, ...(options.conf ?? [])];
      return [id, new ZooKeeperServer(ports.pop()!, { ...options, conf, myid: id }, java)];
    }),
  );

  const wires = (isolable ? PAIRS : []).map(([from, to]): Wire => {
    const { quorum, election } = believed.get(`${from}-${to}`)!;
    // Whoever is called by a server of a lower id hangs up, and calls the address that it was told.
    const back = believed.get(`${to}-${from}`)!;
    const rewrite = (request: Buffer): Buffer => replacePort(request, own.get(from)!.election, back.election);
    const proxies = [
      // A follower may know its leader before that listens; it tries again when it is refused, but not when it is cut off.
      new TcpProxy({ host: HOST, port: own.get(to)!.quorum }, quorum, { patience: 1_000 }),
      new TcpProxy({ host: HOST, port: own.get(to)!.election }, election, { rewrite }),
    ];
    return { from: servers.get(from)!, to: servers.get(to)!, proxies };
  });
  return new ZooKeeperEnsemble([...servers.values()], wires);
}

/** An address goes over the wire as text. All our ports have five digits. */
function replacePort(request: Buffer, port: number, by: number): Buffer {
  return Buffer.from(request.toString('latin1').replace(`${HOST}:${port}`, `${HOST}:${by}`), 'latin1');
}
