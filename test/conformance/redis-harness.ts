import { setTimeout as sleep } from 'node:timers/promises';
import { redisBackend } from '../../lib/backends/redis';
import type { RedisBackendOptions } from '../../lib/backends/redis';
import type { LockBackend } from '../../lib/core/backend';
import type { LockBackendCapability, LockBackendHarness } from '../../lib/testing';
import { freePort } from '../servers/ports';
import type { TcpProxy } from '../servers/proxy';
import { startProxy } from '../servers/proxy';
import type { RedisServer } from '../servers/redis';
import { until } from '../servers/until';

export const EVERYTHING: readonly LockBackendCapability[] = [
  'acquire',
  'shared',
  'permits',
  'fifo',
  'handoff',
  'leases',
];

export interface RedisHarness extends LockBackendHarness {
  /** Removes what the harness itself has started. Rejects if a backend has left a connection open. */
  close(): Promise<void>;
}

/**
 * @param nodes - all that may be written to
 * @param options - how to reach them; `through` gives the proxy of each port, when the connection must be cuttable
 */
export function redisHarness(
  nodes: readonly RedisServer[],
  options: (through: (port: number) => number) => RedisBackendOptions,
): RedisHarness {
  const proxies: TcpProxy[] = [];
  const backend = (given: RedisBackendOptions): LockBackend => redisBackend({ commandTimeout: '1s', ...given });
  const direct = (port: number): number => port;
  return {
    ttl: 1_000,
    advance: (ms) => sleep(ms),
    connect: async () => backend(options(direct)),
    async connectCuttable() {
      const own = await Promise.all(nodes.map(startProxy));
      proxies.push(...own);
      const proxyOf = (port: number): number => own[nodes.findIndex((node) => node.port === port)]!.port;
      return { backend: backend(options(proxyOf)), cut: () => own.forEach((proxy) => proxy.cut()) };
    },
    unreachable: async () => {
      const port = await freePort();
      return backend(options(() => port));
    },
    residue: async () => (await Promise.all(nodes.map(keysIn))).flat(),
    async close() {
      await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
      await until('backends that have closed their connections', async () =>
        (await Promise.all(nodes.map(connectionsTo))).every(({ length }) => length === 0),
      );
    },
  };
}

/** All keys but those that outlive a lock on purpose. */
export async function keysIn(node: RedisServer): Promise<string[]> {
  const keys = (await node.command('keys', '*')) as string[];
  return keys.filter((key) => !key.endsWith(':fence'));
}

/** What clients are connected, besides the one that asks. */
export async function connectionsTo(node: RedisServer): Promise<string[]> {
  const lists = ['normal', 'pubsub'].map(
    async (type) => (await node.command('client', 'list', 'type', type)) as string,
  );
  const lines = (await Promise.all(lists)).join('\n').split('\n');
  return lines.filter((line) => line !== '' && !line.includes('cmd=client|list'));
}
