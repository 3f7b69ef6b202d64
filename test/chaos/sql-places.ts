import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlStrategy } from '../../lib/backends/sql/options';
import type { BackendChoice } from '../processes/backend-choice';
import type { MariaDbServer } from '../servers/mariadb';
import { startMariaDb } from '../servers/mariadb';
import type { PostgresServer } from '../servers/postgres';
import { startPostgres } from '../servers/postgres';
import { startProxy } from '../servers/proxy';
import type { Promises } from './checker';
import type { Place, SharedTable } from './place';

const TTL = 2_000;
const COMMAND_TIMEOUT = 1_000;
const POOL = 20;
const TABLE = 'chaos_register';

const PROMISES: Readonly<Record<SqlStrategy, Promises>> = {
  lease: { ttl: TTL, isFair: false },
  transaction: { ttl: TTL, frees: 'at once' },
  optimistic: { ttl: TTL, frees: 'at once', excludes: false, isFair: false },
};

/** What the two databases call the same things. */
interface Names {
  /** Options for a pool of this size. */
  readonly pool: object;
  /** Ends a connection of a member, whichever. */
  endOne(): Promise<unknown>;
  /** What of the locks is left in the table, and transactions that are open. */
  left(): Promise<readonly string[]>;
}

export async function postgresPlace(strategy: SqlStrategy): Promise<Place> {
  const server = await startPostgres();
  const others = `FROM pg_stat_activity WHERE application_name = 'nestlock'`;
  return placeOn(server, ['postgres', strategy], {
    pool: { max: POOL },
    endOne: () => server.query(`SELECT pg_terminate_backend(pid) ${others} ORDER BY random() LIMIT 1`),
    left: async () => {
      const clock = '(extract(epoch FROM clock_timestamp()) * 1000000)::bigint';
      const rows = await server.query<{ key: string }>(`SELECT key FROM nestlock WHERE expires_at > ${clock}`);
      const open = await server.query<{ state: string }>(`SELECT state || ': ' || query AS state ${others}`);
      return [...rows.map(({ key }) => key), ...open.map(({ state }) => state)];
    },
  });
}

export async function mariadbPlace(strategy: SqlStrategy): Promise<Place> {
  const server = await startMariaDb();
  const others = `FROM information_schema.processlist WHERE user = 'nestlock' AND id <> connection_id()`;
  return placeOn(server, ['mysql', strategy], {
    pool: { connectionLimit: POOL },
    endOne: async () => {
      const [other] = await server.query<{ id: number }>(`SELECT id ${others} ORDER BY rand() LIMIT 1`);
      if (other) await server.query(`KILL ${other.id}`).catch(() => undefined); // it may have ended by itself
    },
    left: async () => {
      const clock = 'CAST(unix_timestamp(sysdate(6)) * 1000000 AS SIGNED)';
      const rows = await server.query<{ name: string }>(
        `SELECT \`key\` AS name FROM nestlock WHERE expires_at > ${clock}`,
      );
      const open = await server.query<{ name: string }>(
        `SELECT concat(command, ': ', coalesce(info, '')) AS name ${others}`,
      );
      return [...rows, ...open].map(({ name }) => name);
    },
  });
}

function placeOn(
  server: PostgresServer | MariaDbServer,
  [kind, strategy]: ['postgres' | 'mysql', SqlStrategy],
  { pool, endOne, left }: Names,
): Place {
  return {
    // MariaDB says nothing of the order of those who wait.
    promises: { ...PROMISES[strategy], ...(kind === 'mysql' && { isFair: false }) },
    commandTimeout: COMMAND_TIMEOUT,
    hasShared: strategy === 'lease',
    hasHandles: strategy === 'lease',
    faults: {
      restart: async (ms) => {
        await server.kill();
        await sleep(ms);
        await server.start();
      },
      pause: async (ms) => {
        server.pause();
        await sleep(ms);
        server.resume();
      },
      'end a connection': endOne,
      'end another connection': endOne,
    },
    async link() {
      const proxy = await startProxy(server);
      const options = { url: proxy.url, options: pool, strategy, commandTimeout: COMMAND_TIMEOUT };
      return { backend: [kind, options] as BackendChoice, proxies: [proxy] };
    },
    ...(strategy !== 'lease' && { table: tableOn(server) }),
    leftovers: left,
    stop: () => server.stop(),
  };
}

function tableOn(server: { query(sql: string): Promise<Record<string, unknown>[]> }): SharedTable {
  return {
    name: TABLE,
    async create(ids) {
      await server.query(`CREATE TABLE ${TABLE} (id VARCHAR(40) PRIMARY KEY, value INT NOT NULL)`);
      await server.query(`INSERT INTO ${TABLE} VALUES ${ids.map((id) => `('${id}', 0)`).join(', ')}`);
      await server.query(`CREATE TABLE ${TABLE}_log (section VARCHAR(40), id VARCHAR(40), value INT)`);
    },
    async values() {
      const rows = await server.query(`SELECT id, value FROM ${TABLE}`);
      return new Map(rows.map(({ id, value }) => [String(id), Number(value)]));
    },
    async log() {
      const rows = await server.query(`SELECT section, id, value FROM ${TABLE}_log`);
      return rows.map(({ section, id, value }) => ({ section: String(section), id: String(id), value: Number(value) }));
    },
  };
}
