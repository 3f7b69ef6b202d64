import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisAddress, RedisBackendOptions } from '../../lib/backends/redis';
import { redisBackend } from '../../lib/backends/redis';
import { keysOf } from '../../lib/backends/redis/keys';
import type { LockBackend } from '../../lib/core/backend';
import type { LockBackendCapability, LockBackendCase, LockBackendHarness } from '../../lib/testing';
import type { RedisCluster } from '../servers/cluster';
import { HOST } from '../servers/ports';
import type { Target, TcpProxy } from '../servers/proxy';
import { startProxy } from '../servers/proxy';
import type { RedisServer } from '../servers/redis';
import type { SentinelGroup } from '../servers/sentinel';
import { until } from '../servers/until';

export const EVERYTHING: readonly LockBackendCapability[] = [
  'acquire',
  'shared',
  'permits',
  'fifo',
  'handoff',
  'leases',
];

/** Where a server is found: at home, behind a proxy, or nowhere. */
type At = (server: RedisServer) => Readonly<RedisAddress>;

/** Some servers that keep locks together. */
export interface RedisPlace {
  /** Those that have keys. */
  readonly nodes: readonly RedisServer[];
  /** Those that only know where the nodes are. */
  readonly guides?: readonly RedisServer[];
  /** How long timers of ioredis outlive connections to them that never came about, in ms. */
  readonly lingers?: number;
  reach(at: At): RedisBackendOptions;
}

export function onOneServer(server: RedisServer): RedisPlace {
  return {
    nodes: [server],
    reach(at) {
      const { host, port } = at(server);
      return { url: `redis://${host}:${port}` };
    },
  };
}

export function onSentinel({ name, nodes, sentinels }: SentinelGroup): RedisPlace {
  return {
    nodes,
    guides: sentinels,
    lingers: 2_000,
    reach: (at) => ({ name, sentinels: sentinels.map(addressOf(at)), options: { natMap: natMap(nodes, at) } }),
  };
}

export function onCluster({ nodes }: RedisCluster): RedisPlace {
  return {
    nodes,
    lingers: 2_000,
    reach: (at) => ({ cluster: nodes.map(addressOf(at)), options: { natMap: natMap(nodes, at) } }),
  };
}

const addressOf = (at: At) => (server: RedisServer) => {
  const { host, port } = at(server);
  return { host, port };
};

/** What a client of ioredis makes of the addresses that servers tell it. */
function natMap(servers: readonly RedisServer[], at: At): Record<string, RedisAddress> {
  return Object.fromEntries(servers.map((server) => [`${server.host}:${server.port}`, addressOf(at)(server)]));
}

/** Plays a case of the kit. It looks after its own keys only, so that others may be played at the same time. */
export async function playOn(place: RedisPlace, run: LockBackendCase['run']): Promise<void> {
  const closers: (() => unknown)[] = [];
  const keys = new Set<string>();
  const servers = [...place.nodes, ...(place.guides ?? [])];
  const backendAt = (at: At): LockBackend => {
    const backend = redisBackend({ commandTimeout: '8s', ...place.reach(at) });
    const { acquire } = backend;
    backend.acquire = (claim) => {
      for (const key of keysOf(claim.key)) keys.add(key);
      return acquire.call(backend, claim);
    };
    return backend;
  };
  const harness: LockBackendHarness = {
    ttl: 3_000,
    advance: (ms) => sleep(ms),
    connect: async () => backendAt((server) => server),
    async connectCuttable() {
      const own = new Map<Target, TcpProxy>();
      for (const server of servers) own.set(server, await startProxy(server));
      closers.push(...[...own.values()].map((proxy) => () => proxy.close()));
      return { backend: backendAt((server) => own.get(server)!), cut: () => own.forEach((proxy) => proxy.cut()) };
    },
    async unreachable() {
      const nobody = createServer((socket) => socket.destroy()); // a port that is just free may soon be another's
      await once(nobody.listen(0, HOST), 'listening');
      closers.push(() => nobody.close());
      const { port } = nobody.address() as AddressInfo;
      return backendAt(({ host }) => ({ host, port }));
    },
    residue: async () => {
      // Again if need be: after a failover Sentinels end the connections of the server that they make a replica.
      const left = await until('the keys of all servers', () => all(place.nodes, keysIn));
      return left.filter((key) => keys.has(key));
    },
  };
  try {
    await run(harness);
  } finally {
    await Promise.all(closers.map((close) => close()));
  }
}

/** Expects no keys and no connections of clients, when all cases have been played. */
export async function expectNothingLeft({ nodes, lingers = 0 }: RedisPlace): Promise<void> {
  await sleep(lingers);
  await until(
    'backends that have closed their connections',
    async () => (await all(nodes, connectionsTo)).length === 0,
  );
  assert.deepEqual(await all(nodes, keysIn), []);
}

/** All keys but those that outlive a lock on purpose. */
export async function keysIn(node: RedisServer): Promise<string[]> {
  const keys = (await node.command('keys', '*')) as string[];
  return keys.filter((key) => !key.endsWith(':fence'));
}

/** What clients are connected, besides other servers and the one that asks. */
export async function connectionsTo(node: RedisServer): Promise<string[]> {
  const lines = ((await node.command('client', 'list')) as string).split('\n');
  return lines.filter((line) => line !== '' && !/ cmd=client\|list | name=sentinel-| flags=[MS] /.test(line));
}

async function all(nodes: readonly RedisServer[], look: (node: RedisServer) => Promise<string[]>): Promise<string[]> {
  return (await Promise.all(nodes.map(look))).flat();
}
