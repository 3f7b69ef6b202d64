import { startZooKeeper, type ZooKeeperServer } from '../../servers/zookeeper';
import { until } from '../../servers/until';
import { startCurator } from './curator';
import { startNestlock, ROOT } from './nestlock';
import type { LockKind, LockWorker } from './worker';

export type Side = 'nestlock' | 'Curator';

export const SIDES: readonly [Side, Side][] = [
  ['nestlock', 'Curator'],
  ['Curator', 'nestlock'],
];

/** How the recipes of both sides are called, and which of their locks exclude each other. */
export const RECIPES = [
  ['mutex', 'InterProcessMutex', [['mutex', 'mutex']]],
  [
    'readWrite',
    'InterProcessReadWriteLock',
    [
      ['write', 'write'],
      ['write', 'read'],
      ['read', 'write'],
    ],
  ],
] as const satisfies readonly (readonly [string, string, readonly (readonly [LockKind, LockKind])[]])[];

export interface Interop {
  readonly server: ZooKeeperServer;
  /** A process of each side, for this recipe. */
  sides(curator: Curator): Readonly<Record<Side, LockWorker>>;
}

export type Curator = 'mutex' | 'readWrite';

let paths = 0;

/** The path of a lock that nobody has used. */
export function newPath(): string {
  return `${ROOT}/${++paths}`;
}

/** A server with processes of both sides, for all tests of a file. */
export function useInterop(sessionTimeout?: number): Interop {
  let server: ZooKeeperServer;
  let workers: LockWorker[] = [];
  beforeAll(async () => {
    server = await startZooKeeper();
    workers = await Promise.all([
      startNestlock(server.connectString, { curator: 'mutex', sessionTimeout }),
      startNestlock(server.connectString, { curator: 'readWrite', sessionTimeout }),
      startCurator(server.connectString, { sessionTimeout }),
    ]);
  }, 60_000);
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await server?.stop();
  });
  return {
    get server() {
      return server;
    },
    sides: (curator) => ({ nestlock: workers[curator === 'mutex' ? 0 : 1]!, Curator: workers[2]! }),
  };
}

/** The ephemeral nodes below a path. */
export async function nodesAt(server: ZooKeeperServer, path: string): Promise<string[]> {
  const lines = (await server.fourLetter('dump')).split('\n').map((line) => line.trim());
  return lines.filter((line) => line.startsWith(`${path}/`)).map((line) => line.slice(path.length + 1));
}

/** Resolves when so many have a node there. */
export async function inLine(server: ZooKeeperServer, path: string, count: number): Promise<void> {
  await until(`${count} in line at ${path}`, async () => (await nodesAt(server, path)).length === count);
}
