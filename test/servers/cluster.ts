import { type RedisServer, startRedis } from './redis';
import { until } from './until';

export interface ClusterOptions {
  /** Further lines of each redis.conf: `'cluster-require-full-coverage no'`. */
  readonly conf?: readonly string[];
  /** How many replicas each primary has. Default: 0. */
  readonly replicas?: 0 | 1;
}

export interface RedisCluster {
  /**
   * At first three primaries with a third of the slots each, then their replicas. A node that is killed knows its place when
   * it is started again.
   */
  readonly nodes: readonly RedisServer[];
  /** Kills a primary that has a replica. Resolves to it when the replica has taken its place, or cannot. */
  killPrimary(): Promise<RedisServer>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;
const NODES = 3;

/** Starts a Redis Cluster of three primaries. */
export async function startCluster({ conf = [], replicas = 0 }: ClusterOptions = {}): Promise<RedisCluster> {
  // Where nobody could take a node's place, none is to be given up because the machine is busy.
  const timeout = replicas > 0 ? 2_000 : 30_000;
  const lines = [
    'cluster-enabled yes',
    `cluster-node-timeout ${timeout}`,
    'cluster-replica-validity-factor 0',
    ...conf,
  ];
  const nodes: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (let i = 0; i < NODES * (1 + replicas); i++) nodes.push(await startRedis({ conf: lines }));
    await join(nodes);
    return { nodes, killPrimary: () => killPrimary(nodes), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function join(nodes: readonly RedisServer[]): Promise<void> {
  const start = (index: number): number => Math.floor((index * SLOTS) / NODES);
  const primaries = nodes.slice(0, NODES);
  for (const [i, node] of nodes.entries()) {
    await node.command('cluster', 'set-config-epoch', i + 1);
    if (primaries.includes(node)) await node.command('cluster', 'addslotsrange', start(i), start(i + 1) - 1);
    await node.command('cluster', 'meet', nodes[0]!.host, nodes[0]!.port);
  }
  await Promise.all(nodes.map((node) => until('a node that knows all', async () => knowsAll(node, nodes))));
  for (const [i, replica] of nodes.slice(NODES).entries()) {
    const id = await primaries[i]!.command('cluster', 'myid');
    await replica.command('cluster', 'replicate', String(id));
  }
  for (const node of nodes) {
    await until('a complete cluster', async () => {
      const info = (await node.command('cluster', 'info')) as string;
      return info.includes('cluster_state:ok') && (await roleOf(node)).isReady;
    });
  }
}

async function knowsAll(node: RedisServer, nodes: readonly RedisServer[]): Promise<boolean> {
  const info = (await node.command('cluster', 'info')) as string;
  return info.includes(`cluster_known_nodes:${nodes.length}`);
}

/** What a node is, and whether it is as it should be: a replica that is in sync. */
async function roleOf(
  node: RedisServer,
): Promise<{ readonly isPrimary: boolean; readonly isReady: boolean; readonly replicas: number }> {
  const [role, ...more] = (await node.command('role')) as unknown[];
  if (role === 'master') return { isPrimary: true, isReady: true, replicas: (more[1] as unknown[]).length };
  return { isPrimary: false, isReady: more[2] === 'connected', replicas: 0 };
}

async function killPrimary(nodes: readonly RedisServer[]): Promise<RedisServer> {
  const victim = await until('a primary with a replica', async () => {
    for (const node of nodes) if (node.running && (await roleOf(node)).replicas > 0) return node;
    return undefined;
  });
  const isPrimary = async (): Promise<readonly RedisServer[]> => {
    const roles = await Promise.all(nodes.map(async (node) => node.running && (await roleOf(node)).isPrimary));
    return nodes.filter((_, i) => roles[i]);
  };
  await victim.kill();
  await until('a replica in its place', async () => (await isPrimary()).length === NODES).catch(() => undefined);
  return victim;
}
