import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import ZooKeeper from 'zookeeper';
import type { ZooKeeperBackendOptions } from '../../lib/backends/zookeeper';
import { zookeeperBackend } from '../../lib/backends/zookeeper';
import { join, nodeNameOf } from '../../lib/backends/zookeeper/paths';
import type { LockBackend } from '../../lib/core/backend';
import type { LockBackendCapability, LockBackendCase, LockBackendHarness } from '../../lib/testing';
import { HOST } from '../servers/ports';
import type { TcpProxy } from '../servers/proxy';
import { startProxy } from '../servers/proxy';
import { until } from '../servers/until';
import type { ZooKeeperServer } from '../servers/zookeeper';

/** All but leases of their own: locks end with the session of their process. */
export const SESSIONS: readonly LockBackendCapability[] = ['acquire', 'shared', 'permits', 'fifo', 'handoff'];

const ROOT = '/nestlock';
/** In ms. Long enough for a machine that does other things as well: much of it is spent without any heartbeat. */
const SESSION = 4_000;

/** Some servers that keep locks together, and a client that looks into them. */
export interface ZooKeeperPlace {
  readonly servers: readonly ZooKeeperServer[];
  readonly eye: ZooKeeper;
}

export async function placeAt(servers: readonly ZooKeeperServer[]): Promise<ZooKeeperPlace> {
  const connect = servers.map(({ connectString }) => connectString).join();
  const eye = new ZooKeeper({ connect, timeout: 30_000, debug_level: 0 });
  const connected = once(eye, 'connect');
  eye.init({});
  await connected;
  return { servers, eye };
}

/** Plays a case of the kit. It looks after its own keys only, so that others may be played at the same time. */
export async function playOn(
  { servers, eye }: ZooKeeperPlace,
  run: LockBackendCase['run'],
  options: Partial<ZooKeeperBackendOptions> = {},
): Promise<void> {
  const closers: (() => unknown)[] = [];
  const keys = new Set<string>();
  const backendAt = (addresses: readonly { host: string; port: number }[]): LockBackend => {
    const connect = addresses.map(({ host, port }) => `${host}:${port}`).join();
    const backend = zookeeperBackend({ connect, sessionTimeout: SESSION, commandTimeout: '6s', ...options });
    const { acquire } = backend;
    backend.acquire = (claim) => {
      keys.add(claim.key);
      return acquire.call(backend, claim);
    };
    return backend;
  };
  const harness: LockBackendHarness = {
    ttl: SESSION,
    advance: (ms) => sleep(ms),
    connect: async () => backendAt(servers),
    async connectCuttable() {
      const proxies: TcpProxy[] = [];
      for (const server of servers) proxies.push(await startProxy(server));
      closers.push(...proxies.map((proxy) => () => proxy.close()));
      return { backend: backendAt(proxies), cut: () => proxies.forEach((proxy) => proxy.cut()) };
    },
    async unreachable() {
      const nobody = createServer((socket) => socket.destroy()); // a port that is just free may soon be another's
      await once(nobody.listen(0, HOST), 'listening');
      closers.push(() => nobody.close());
      return backendAt([nobody.address() as AddressInfo].map(({ port }) => ({ host: HOST, port })));
    },
    residue: async () =>
      (await Promise.all([...keys].map((key) => childrenOf(eye, join(ROOT, nodeNameOf(key)))))).flat(),
  };
  try {
    await run(harness);
  } finally {
    await Promise.all(closers.map((close) => close()));
  }
}

/** Expects no sessions but that of the eye and no ephemeral nodes, when all cases have been played; closes the eye. */
export async function expectNothingLeft({ servers, eye }: ZooKeeperPlace): Promise<void> {
  await until('sessions that have ended', async () => (await childrenOf(eye, `${ROOT}/%sessions`)).length === 0);
  for (const server of servers) {
    await until('a server that knows of no nodes', async () => !(await server.fourLetter('dump')).includes(ROOT));
  }
}

async function childrenOf(eye: ZooKeeper, path: string): Promise<string[]> {
  try {
    await eye.sync(path);
    return await eye.get_children(path, false);
  } catch (error) {
    if (/no node/.test((error as Error).message)) return [];
    throw error;
  }
}
