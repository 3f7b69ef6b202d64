import { type RedisServer, startRedis } from './redis';
import { until } from './until';

/** The name of the group: `new Redis({ name: NAME, sentinels })`. */
const NAME = 'nestlock';

export interface SentinelOptions {
  /** Further lines of each redis.conf. */
  readonly conf?: readonly string[];
  /** How long a server may be silent until it counts as down, in ms. Default: 30,000, since a busy machine is not a fault. */
  readonly downAfter?: number;
}

/** Starts a primary with two replicas, and three Sentinels that watch them. */
export async function startSentinel({ conf = [], downAfter = 30_000 }: SentinelOptions = {}): Promise<SentinelGroup> {
  const started: RedisServer[] = [];
  const start = async (...options: Parameters<typeof startRedis>): Promise<RedisServer> => {
    const server = await startRedis(...options);
    started.push(server);
    return server;
  };
  try {
    const primary = await start({ conf });
    const { host, port } = primary;
    const replicas = await all(2, () => start({ conf: [...conf, `replicaof ${host} ${port}`] }));
    const nodes = [primary, ...replicas];
    // Sentinels know the replicas that the primary knows.
    await until('replicas in sync', async () => (await replicasOf(primary)) === replicas.length);
    const watch = [
      `sentinel monitor ${NAME} ${host} ${port} 2`,
      `sentinel down-after-milliseconds ${NAME} ${downAfter}`,
      `sentinel failover-timeout ${NAME} 2000`,
    ];
    const sentinels = await all(3, () => start({ sentinel: true, conf: watch }));
    const group = new SentinelGroup(nodes, sentinels);
    await until('Sentinels that know everybody', () => group.isComplete());
    return group;
  } catch (error) {
    await Promise.all(started.map((server) => server.stop()));
    throw error;
  }
}

export class SentinelGroup {
  readonly name = NAME;

  constructor(
    /** The primary of the beginning, and its replicas. */
    readonly nodes: readonly RedisServer[],
    readonly sentinels: readonly RedisServer[],
  ) {}

  /** The primary, if all Sentinels name the same. */
  async primary(): Promise<RedisServer | undefined> {
    const ports = await Promise.all(this.sentinels.map(async (each) => (await stateOf(each)).get('port')));
    return this.nodes.find(({ port }) => ports.every((each) => each === String(port)));
  }

  /** Has a replica promoted in good order. Resolves to the new primary as soon as all Sentinels know it. */
  async failover(): Promise<RedisServer> {
    const before = await this.knownPrimary();
    const [sentinel] = this.sentinels;
    await until('a Sentinel that starts the failover', () => sentinel!.command('sentinel', 'failover', NAME));
    return this.successorOf(before);
  }

  /** Kills the primary. Resolves to the new one as soon as all Sentinels know it. */
  async killPrimary(): Promise<RedisServer> {
    const before = await this.knownPrimary();
    await Promise.all(
      this.sentinels.map((each) => each.command('sentinel', 'set', NAME, 'down-after-milliseconds', 500)),
    );
    await before.kill();
    return this.successorOf(before);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.nodes].map((server) => server.stop()));
  }

  /** @internal Whether every Sentinel knows all others. */
  async isComplete(): Promise<boolean> {
    const states = await Promise.all(this.sentinels.map(stateOf));
    const others = (known: string, all: readonly unknown[]): boolean =>
      states.every((state) => state.get(known) === String(all.length - 1));
    return others('num-slaves', this.nodes) && others('num-other-sentinels', this.sentinels);
  }

  private knownPrimary(): Promise<RedisServer> {
    return until('a primary that all Sentinels know', () => this.primary());
  }

  private successorOf(before: RedisServer): Promise<RedisServer> {
    return until('a new primary', async () => {
      const primary = await this.primary();
      if (!primary || primary === before) return undefined;
      const [role] = (await primary.command('role')) as [string];
      return role === 'master' && primary;
    });
  }
}

/** What a Sentinel knows of the primary. */
async function stateOf(sentinel: RedisServer): Promise<ReadonlyMap<string, string>> {
  const list = (await sentinel.command('sentinel', 'master', NAME)) as string[];
  return new Map(list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1]!]] : [])));
}

async function replicasOf(primary: RedisServer): Promise<number> {
  const info = (await primary.command('info', 'replication')) as string;
  return info.match(/^slave\d+:.*state=online/gm)?.length ?? 0;
}

function all<T>(count: number, start: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, start));
}
