import ZooKeeper from 'zookeeper';
import type { ZooKeeperBackendOptions } from '../../lib/backends/zookeeper';
import { zookeeperBackend } from '../../lib/backends/zookeeper';
import type { LockServiceInit } from '../../lib/core/lock-service';
import { LockService } from '../../lib/core/lock-service';
import type { Observation } from '../processes/worker.fixture';
import { Worker } from '../processes/worker';
import type { TcpProxy } from '../servers/proxy';
import { startProxy } from '../servers/proxy';
import { until } from '../servers/until';
import type { ZooKeeperOptions, ZooKeeperServer } from '../servers/zookeeper';
import { startZooKeeper } from '../servers/zookeeper';
import type { EnsembleOptions, ZooKeeperEnsemble } from '../servers/zookeeper-ensemble';
import { startZooKeeperEnsemble } from '../servers/zookeeper-ensemble';

/** How long a session of these tests lasts unless a test says otherwise, in ms. */
export const SESSION = 4_000;
const DEFAULTS = { ttl: SESSION, waitTimeout: '30s', maxLocalHandoffs: 0 } as const;

type Init = Partial<LockServiceInit>;
type Target = string | ZooKeeperBackendOptions;

/** Something that is closed after the test. */
const toClose: (() => Promise<unknown>)[] = [];
const proxies: TcpProxy[] = [];

/** A real server for the tests of a file; after each of them it must be as if nobody had ever been there. */
export function useZooKeeper(options: ZooKeeperOptions = {}): { readonly server: ZooKeeperServer } {
  let server: ZooKeeperServer;
  beforeAll(async () => {
    server = await startZooKeeper(options);
  }, 60_000);
  afterEach(async () => {
    await closeAll();
    if (!server.running) await server.start();
    await nobodyOn(server);
  }, 90_000);
  afterAll(() => server?.stop());
  return {
    get server() {
      return server;
    },
  };
}

/** The same with three servers, all of which are well again after each test. */
export function useEnsemble(options: EnsembleOptions = {}): { readonly ensemble: ZooKeeperEnsemble } {
  let ensemble: ZooKeeperEnsemble;
  beforeAll(async () => {
    ensemble = await startZooKeeperEnsemble(options);
  }, 60_000);
  afterEach(async () => {
    await closeAll();
    for (const server of ensemble.servers) await ensemble.heal(server);
    await Promise.all(ensemble.servers.filter(({ running }) => !running).map((server) => server.start()));
    await until('three servers', async () => (await ensemble.leader()) && (await ensemble.followers()).length === 2);
    await nobodyOn(await ensemble.leader());
  }, 90_000);
  afterAll(() => ensemble?.stop(), 60_000);
  return {
    get ensemble() {
      return ensemble;
    },
  };
}

/** A service on the backend with these options. */
export async function serviceOn(target: Target, init: Init = {}): Promise<LockService> {
  const service = new LockService({ backend: zookeeperBackend(optionsFor(target)), ...DEFAULTS, ...init });
  toClose.push(() => service.close());
  await service.open();
  return service;
}

/** A process with a service of its own. */
export async function workerOn(target: Target, init: Init = {}): Promise<Worker> {
  const worker = await Worker.start(['zookeeper', optionsFor(target)], { ...DEFAULTS, ...init });
  toClose.push(async () => {
    await worker.close();
    expect(worker.uncaught).toEqual([]);
  });
  return worker;
}

/**
 * A client that is closed lets nothing else run until the server has answered; not even a proxy in the same process, so that
 * it waits for 1.5 s. Proxies are therefore closed before the services, whose sessions then end by their time-out.
 */
export async function proxyOf(server: ZooKeeperServer): Promise<TcpProxy & { readonly connectString: string }> {
  const proxy = await startProxy(server);
  proxies.push(proxy);
  return Object.assign(proxy, { connectString: `${proxy.host}:${proxy.port}` });
}

/** A client of an operator's, who may do everything. */
export async function operatorOn(server: ZooKeeperServer): Promise<ZooKeeper> {
  const client = new ZooKeeper({ connect: server.connectString, timeout: 10_000, debug_level: 0 });
  const connected = new Promise((resolve) => client.once('connect', resolve));
  client.init({});
  await connected;
  toClose.push(() => Promise.resolve(client.close()));
  return client;
}

/** The nodes that end with a session, as `path`s, but for those that prove the sessions. */
export async function nodesOn(server: ZooKeeperServer, key?: string): Promise<string[]> {
  const paths = [...(await server.fourLetter('dump')).matchAll(/^\t(\/.*)$/gm)].map(([, path]) => path!);
  const folder = key === undefined ? '/' : `/nestlock/nestlock:${key}/`;
  return paths.filter((path) => path.startsWith(folder) && !path.includes('/%sessions/')).sort(byNumber);
}

/** The ids of the sessions that the server (or the leader) knows of. */
export async function sessionsOn(server: ZooKeeperServer): Promise<string[]> {
  const sessions = (await server.fourLetter('dump')).split('ephemeral nodes dump')[0]!;
  return [...sessions.matchAll(/0x[\da-f]+/g)].map(([id]) => id);
}

/** Resolves when the lock has so many nodes: of those who have it and those who wait for it. */
export async function lined(server: ZooKeeperServer, key: string, count: number): Promise<string[]> {
  return until(`${count} in the line of ${key}`, async () => {
    const nodes = await nodesOn(server, key);
    return nodes.length === count && nodes;
  });
}

/** How long it takes, in ms. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** Fails unless the one holder knew of its loss, by every sign there is, before the other one had the lock. */
export function expectNoOverlap(before: Observation, since: string): void {
  const ms = (stamp: string): number => Number(BigInt(stamp) - BigInt(since)) / 1e6;
  expect(ms(before.heldAt!)).toBeLessThan(0);
  expect(ms(before.promised)).toBeLessThan(0);
  expect(before.abortedAt).toBeDefined();
  expect(ms(before.abortedAt!)).toBeLessThan(0);
}

/** The present, on the clock that all processes share. */
export function stamp(): string {
  return String(process.hrtime.bigint());
}

function optionsFor(target: Target): ZooKeeperBackendOptions {
  const options = typeof target === 'string' ? { connect: target } : target;
  return { sessionTimeout: SESSION, commandTimeout: '10s', ...options };
}

async function closeAll(): Promise<void> {
  for (const proxy of proxies.splice(0)) await proxy.close();
  const failures: unknown[] = [];
  for (const close of toClose.splice(0).reverse()) await close().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** What was cut off ends with its session. */
async function nobodyOn(server: ZooKeeperServer): Promise<void> {
  await until('the end of all sessions', async () => (await sessionsOn(server)).length === 0, 40_000);
  expect(await nodesOn(server)).toEqual([]);
}

function byNumber(a: string, b: string): number {
  return a.slice(-10) < b.slice(-10) ? -1 : 1;
}
