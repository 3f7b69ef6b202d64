import { execFileSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client, type QueryResultRow } from 'pg';
import { movableClock } from './clock';
import { program } from './program';
import { startOnFreePort } from './server';
import { ServerWithClock } from './server-with-clock';
import { insteadOfRoot } from './user';

export interface PostgresOptions {
  /** Further lines of its postgresql.conf: `'max_connections = 20'`, `'log_statement = all'`. */
  readonly conf?: readonly string[];
  /** Has it wait for the disk at each commit. Default: no; what is committed outlives its processes all the same. */
  readonly durable?: boolean;
  /**
   * Lets `setClock` move its clock. As long as it is ahead of ours, the timeouts of who waits are overdue, but do not come:
   * libfaketime tells the real time to a handler of signals that interrupts a wait. To move it ahead, begin with it set back.
   */
  readonly movableClock?: boolean;
}

const OTHERWISE =
  'Or use a server of your own: set POSTGRES_URL for tests that need no faults, pass --url to the demo.';

const USER = 'nestlock';
const PASSWORD = 'secret';

export function postgresProgram(): Promise<string> {
  return program('postgres', 'postgresql', OTHERWISE);
}

/** Starts a PostgreSQL with an empty database. What is committed is still there when it is started again after `kill()`. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const binary = await postgresProgram();
  const before = options.movableClock ? await movableClock() : () => [];
  return startOnFreePort((port) => new PostgresServer(port, options, binary, before));
}

/** For tests that need no faults: the server at POSTGRES_URL, or a new one. */
export async function anyPostgres(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const url = process.env['POSTGRES_URL'];
  return url ? { url, stop: () => Promise.resolve() } : startPostgres();
}

export class PostgresServer extends ServerWithClock {
  /** Of a superuser. */
  readonly url: string;

  /** @param before - what goes before the command */
  constructor(
    port: number,
    { conf = [], durable, movableClock }: PostgresOptions,
    binary: string,
    before: (folder: string) => readonly string[],
  ) {
    const user = insteadOfRoot('postgres');
    super(
      {
        name: 'postgres',
        user,
        prepare({ host, folder }) {
          const password = join(folder, 'password');
          writeFileSync(password, PASSWORD);
          const args = [
            ...['--pgdata', join(folder, 'data'), '--username', USER, '--pwfile', password, '--auth', 'scram-sha-256'],
            ...['--locale', 'C.UTF-8', '--encoding', 'UTF8', '--no-sync'],
          ];
          execFileSync(join(dirname(binary), 'initdb'), args, { cwd: folder, stdio: 'pipe', ...user });
          const lines = [
            ...[`listen_addresses = '${host}'`, `port = ${port}`, `unix_socket_directories = '${folder}'`],
            // Files in its folder: nothing is left in /dev/shm when it is killed.
            ...['max_connections = 200', 'dynamic_shared_memory_type = mmap'],
            ...(durable ? [] : ['fsync = off', 'full_page_writes = off']),
          ];
          appendFileSync(join(folder, 'data/postgresql.conf'), ['', ...lines, ...conf, ''].join('\n'));
        },
        command: ({ folder }) => [...before(folder), binary, '-D', join(folder, 'data')],
        ready: /database system is ready to accept connections/,
        // SIGTERM would wait for the clients to leave.
        stopSignal: 'SIGINT',
        // The seventh line is the key and the number of its piece of shared memory.
        tidy: 'ipcrm -m "$(sed -n "7s/.* //p" data/postmaster.pid)"',
      },
      port,
      movableClock ?? false,
    );
    this.url = `postgres://${USER}:${PASSWORD}@${this.host}:${port}/postgres`;
  }

  /** Sends one statement on a connection of its own. Resolves to the rows. */
  async query<Row extends QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const client = new Client({ connectionString: this.url });
    client.on('error', () => {}); // the query fails as well
    await client.connect();
    try {
      const { rows } = await client.query<Row>(sql, [...values]);
      return rows;
    } finally {
      await client.end();
    }
  }
}
