import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisPlace } from '../conformance/redis-harness';
import { keysIn, onCluster, onOneServer, onSentinel } from '../conformance/redis-harness';
import { startCluster } from '../servers/cluster';
import type { Target, TcpProxy } from '../servers/proxy';
import { startProxy } from '../servers/proxy';
import type { RedisServer } from '../servers/redis';
import { startRedis } from '../servers/redis';
import { startSentinel } from '../servers/sentinel';
import type { BrokenChoice } from './plan';
import type { Link, Place, ServerFault } from './place';

const TTL = 2_000;
const COMMAND_TIMEOUT = 1_000;
/** With these, a server that dies has told nobody what it does not know when it comes back. */
const DURABLE = ['appendonly yes', 'appendfsync always'];
const KEPT = { conf: DURABLE };

/** One server that writes everything to disk before it answers. */
export async function redisPlace(): Promise<Place> {
  const server = await startRedis(KEPT);
  return {
    promises: { ttl: TTL },
    faults: { restart: (ms) => restart(server, ms), pause: (ms) => pause(server, ms) },
    ...placeOn(onOneServer(server)),
    stop: () => server.stop(),
  };
}

/** The same, with backends that make a mistake. */
export async function brokenPlace(mistake: BrokenChoice[0]): Promise<Place> {
  const place = await redisPlace();
  const link = async (): Promise<Link> => {
    const { backend, proxies } = await place.link();
    const { url } = backend[1] as { url: string };
    return { backend: [mistake, { url }], proxies };
  };
  return {
    ...place,
    link,
    hasShared: false,
    promises: { ...place.promises, isFair: false },
    leftovers: async () => [],
  };
}

/** A primary with two replicas, which it tells what it has done after it has answered. */
export async function sentinelPlace(): Promise<Place> {
  const group = await startSentinel({ ...KEPT, downAfter: 500 });
  // Where no replica is fit to take over yet, nobody does: then the old one comes back, as an operator would have it.
  const killPrimary: ServerFault = async (ms) => {
    const before = await group.primary();
    if (!before) return;
    await group.killPrimary().catch(() => undefined);
    await sleep(ms);
    if (!before.running) await before.start();
  };
  const failover: ServerFault = () => group.failover().catch(() => undefined);
  const pausePrimary: ServerFault = async (ms) => {
    const primary = await group.primary();
    if (primary) await pause(primary, ms);
  };
  return {
    promises: { ttl: TTL, forgetfulAfter: ['failover', 'kill primary', 'pause primary'] },
    faults: { failover, 'kill primary': killPrimary, 'pause primary': pausePrimary },
    ...placeOn(onSentinel(group)),
    stop: () => group.stop(),
  };
}

/** Three primaries, each with a replica. */
export async function clusterPlace(): Promise<Place> {
  const cluster = await startCluster({ ...KEPT, replicas: 1 });
  const killPrimary: ServerFault = async (ms) => {
    const before = await cluster.killPrimary();
    await sleep(ms);
    await before.start();
  };
  return {
    promises: { ttl: TTL, forgetfulAfter: ['kill primary'] },
    faults: { 'kill primary': killPrimary, 'pause one': (ms) => pause(cluster.nodes[0]!, Math.min(ms, 1_000)) },
    ...placeOn(onCluster(cluster)),
    stop: () => cluster.stop(),
  };
}

function placeOn(place: RedisPlace): Pick<Place, 'commandTimeout' | 'link' | 'leftovers'> {
  return {
    commandTimeout: COMMAND_TIMEOUT,
    async link() {
      const own = new Map<Target, TcpProxy>();
      for (const server of [...place.nodes, ...(place.guides ?? [])]) own.set(server, await startProxy(server));
      const backend = place.reach((server) => own.get(server)!);
      return { backend: ['redis', { ...backend, commandTimeout: COMMAND_TIMEOUT }], proxies: [...own.values()] };
    },
    async leftovers() {
      const running = place.nodes.filter((node) => node.running);
      return (await Promise.all(running.map(keysIn))).flat();
    },
  };
}

async function restart(server: RedisServer, ms: number): Promise<void> {
  await server.kill();
  await sleep(ms);
  await server.start();
}

async function pause(server: RedisServer, ms: number): Promise<void> {
  server.pause();
  await sleep(ms);
  server.resume();
}
