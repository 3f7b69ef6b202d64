import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { mysqlBackend } from '../../lib/backends/sql/mysql';
import { rowName } from '../../lib/backends/sql/names';
import type { SqlStrategy } from '../../lib/backends/sql/options';
import { postgresBackend } from '../../lib/backends/sql/postgres';
import type { LockBackend } from '../../lib/core/backend';
import type { LockBackendCapability, LockBackendCase, LockBackendHarness } from '../../lib/testing';
import { startMariaDb } from '../servers/mariadb';
import { HOST } from '../servers/ports';
import { startPostgres } from '../servers/postgres';
import { startProxy } from '../servers/proxy';
import { until } from '../servers/until';

/** A server that is started for the cases, and how to look into it. */
export interface SqlServer {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
  query(sql: string): Promise<readonly object[]>;
}

/** What differs between the databases. */
export interface SqlKind {
  start(): Promise<SqlServer>;
  backend(options: { url: string; strategy: SqlStrategy; commandTimeout: string; options: object }): LockBackend;
  readonly capabilities: Readonly<Record<SqlStrategy, readonly LockBackendCapability[]>>;
  /** The time in microseconds, as in the table. */
  readonly now: string;
  readonly quotedKey: string;
  /** Where rows are locked: those that are asked for, and no others on the way. */
  readonly table: string;
  /** What the driver calls the size of a pool. */
  readonly poolSize: string;
  /** Connections of ours that are open. */
  readonly connections: string;
}

export const POSTGRES: SqlKind = {
  start: () => startPostgres({ conf: ['max_connections = 400'] }),
  backend: postgresBackend,
  capabilities: {
    lease: ['acquire', 'shared', 'permits', 'handoff', 'leases'],
    transaction: ['acquire', 'fifo', 'leases'],
    optimistic: [],
  },
  now: 'extract(epoch FROM clock_timestamp()) * 1000000',
  quotedKey: 'key',
  table: 'nestlock',
  poolSize: 'max',
  connections: `SELECT pid FROM pg_stat_activity WHERE application_name = 'nestlock'`,
};

export const MARIADB: SqlKind = {
  start: () => startMariaDb({ conf: ['max_connections=400'] }),
  backend: mysqlBackend,
  capabilities: {
    lease: ['acquire', 'shared', 'permits', 'handoff', 'leases'],
    transaction: ['acquire', 'shared', 'leases'],
    optimistic: [],
  },
  now: `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))`,
  quotedKey: '`key`',
  table: 'nestlock FORCE INDEX (PRIMARY)',
  poolSize: 'connectionLimit',
  connections: `SELECT id FROM information_schema.processlist WHERE user = 'nestlock' AND id <> CONNECTION_ID()`,
};

/** How many locks one process may hold at once in a case: each has a connection. */
const MAX_HOLDS = 16;
/** Of a pool: connections beside those of the locks. */
const MORE = 4;

/** Plays a case of the kit. It looks after its own keys only, so that others may be played at the same time. */
export async function playOn(
  { backend: create, now, quotedKey, table, poolSize }: SqlKind,
  server: SqlServer,
  strategy: SqlStrategy,
  run: LockBackendCase['run'],
  more: object = {},
): Promise<void> {
  const closers: (() => unknown)[] = [];
  const rows = new Set<string>();
  const backendAt = ({ host, port }: { host: string; port: number }): LockBackend => {
    const url = new URL(server.url);
    Object.assign(url, { hostname: host, port: String(port) });
    const options = strategy === 'lease' ? {} : { [poolSize]: 2 * MAX_HOLDS + MORE };
    const backend = create({ url: url.href, strategy, commandTimeout: '12s', options, ...more });
    const { acquire } = backend;
    backend.acquire = (claim) => {
      rows.add(rowName(strategy, claim.key));
      return acquire.call(backend, claim);
    };
    return backend;
  };
  const inUse = async (): Promise<string[]> => {
    if (rows.size === 0) return [];
    const list = `${quotedKey} IN (${[...rows].map((row) => `'${row}'`).join(', ')})`;
    const leases = await server.query(`SELECT ${quotedKey} FROM nestlock WHERE ${list} AND expires_at > ${now}`);
    const all = await server.query(`SELECT ${quotedKey} FROM nestlock WHERE ${list}`);
    const free = await server.query(`SELECT ${quotedKey} FROM ${table} WHERE ${list} FOR UPDATE SKIP LOCKED`);
    return [...leases.map((row) => JSON.stringify(row)), ...(all.length > free.length ? ['locked rows'] : [])];
  };
  const harness: LockBackendHarness = {
    ttl: 3_000, // many locks have to be taken within it
    ...(strategy !== 'lease' && { maxHolds: MAX_HOLDS }),
    advance: (ms) => sleep(ms),
    connect: async () => backendAt(server),
    async connectCuttable() {
      const proxy = await startProxy(server);
      closers.push(() => proxy.close());
      return { backend: backendAt(proxy), cut: () => proxy.cut() };
    },
    async unreachable() {
      const sockets = new Set<Socket>();
      const silent = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
      await once(silent.listen(0, HOST), 'listening');
      closers.push(() => {
        silent.close();
        for (const socket of sockets) socket.destroy();
      });
      return backendAt({ host: HOST, port: (silent.address() as AddressInfo).port });
    },
    residue: inUse,
  };
  try {
    await run(harness);
  } finally {
    await Promise.all(closers.map((close) => close()));
  }
}

/** Expects no connections and no leases, when all cases have been played. */
export async function expectNothingLeft({ connections, now }: SqlKind, server: SqlServer): Promise<void> {
  await until(
    'backends that have closed their connections',
    async () => (await server.query(connections)).length === 0,
  );
  expect(await server.query(`SELECT * FROM nestlock WHERE expires_at > ${now}`)).toEqual([]);
}
