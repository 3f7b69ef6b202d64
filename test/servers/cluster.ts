import { type RedisServer, startRedis } from './redis';
import { until } from './until';

export interface ClusterOptions {
  /** Further lines of each redis.conf: `'cluster-require-full-coverage no'`. */
  readonly conf?: readonly string[];
}

export interface RedisCluster {
  /** Each has a third of the slots. A node that is killed knows its place when it is started again. */
  readonly nodes: readonly RedisServer[];
  stop(): Promise<void>;
}

const SLOTS = 16_384;
const NODES = 3;

/** Starts a Redis Cluster of three primaries without replicas. */
export async function startCluster({ conf = [] }: ClusterOptions = {}): Promise<RedisCluster> {
  const lines = ['cluster-enabled yes', 'cluster-node-timeout 2000', ...conf];
  const nodes: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (let i = 0; i < NODES; i++) nodes.push(await startRedis({ conf: lines }));
    await join(nodes);
    return { nodes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function join(nodes: readonly RedisServer[]): Promise<void> {
  const start = (index: number): number => Math.floor((index * SLOTS) / nodes.length);
  for (const [i, node] of nodes.entries()) {
    await node.command('cluster', 'set-config-epoch', i + 1);
    await node.command('cluster', 'addslotsrange', start(i), start(i + 1) - 1);
    await node.command('cluster', 'meet', nodes[0]!.host, nodes[0]!.port);
  }
  for (const node of nodes) {
    await until('a complete cluster', async () => {
      const info = (await node.command('cluster', 'info')) as string;
      return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes.length}`);
    });
  }
}
