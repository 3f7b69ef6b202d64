import { startMariaDb } from '../../test/servers/mariadb';
import { startPostgres } from '../../test/servers/postgres';
import { startRedis } from '../../test/servers/redis';
import { startZooKeeper } from '../../test/servers/zookeeper';

/** A server that the demo has started for the locks. */
export interface LockServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** What the demo must know of a backend; how the app makes it is said in ../backends.ts. */
export interface DemoBackend {
  /** Why it cannot lock several processes; absent if it can. */
  readonly oneProcess?: string;
  /** Starts a server on a free port; absent if it needs none. */
  readonly start?: () => Promise<LockServer>;
}

export const demoBackends: Readonly<Record<string, DemoBackend>> = {
  memory: {
    oneProcess:
      "its locks are in the process's own memory. Each process would have locks that the others know nothing of, and " +
      'they would sell the same seats',
  },
  redis: { start: startRedis },
  zookeeper: { start: startZooKeeperWithUrl },
  postgres: { start: startPostgres },
  mysql: { start: startMariaDb },
};

async function startZooKeeperWithUrl(): Promise<LockServer> {
  const server = await startZooKeeper();
  return { url: server.connectString, stop: () => server.stop() };
}
