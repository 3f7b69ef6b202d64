import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { movableClock } from './clock';
import { program } from './program';
import { startOnFreePort } from './server';
import { ServerWithClock } from './server-with-clock';
import { insteadOfRoot } from './user';

export interface MariaDbOptions {
  /** Further options, as in its my.cnf: `'innodb_lock_wait_timeout=5'`, `'skip-log-bin'`. */
  readonly conf?: readonly string[];
  /** Has it wait for the disk at each commit. Default: no; what is committed outlives its process all the same. */
  readonly durable?: boolean;
  /** Lets `setClock` move its clock. */
  readonly movableClock?: boolean;
}

const OTHERWISE = 'Or use a server of your own: set MYSQL_URL for tests that need no faults, pass --url to the demo.';

const USER = 'nestlock';
const PASSWORD = 'secret';

const SETUP = `
  CREATE DATABASE IF NOT EXISTS test;
  CREATE USER IF NOT EXISTS ${USER}@'%' IDENTIFIED BY '${PASSWORD}';
  GRANT ALL ON *.* TO ${USER}@'%' WITH GRANT OPTION;
`;

/** Without the package "mariadb-server", which would start a server of its own. */
export async function mariaDbPrograms(): Promise<{ readonly binary: string; readonly installer: string }> {
  const binary = await program('mariadbd', 'mariadb-server-core', OTHERWISE);
  const installer = await program('mariadb-install-db', 'mariadb-server-core', OTHERWISE);
  await program('my_print_defaults', 'mariadb-client-core', OTHERWISE); // the installer runs it
  return { binary, installer };
}

/** Starts a MariaDB with an empty database. What is committed is still there when it is started again after `kill()`. */
export async function startMariaDb(options: MariaDbOptions = {}): Promise<MariaDbServer> {
  const programs = await mariaDbPrograms();
  const before = options.movableClock ? await movableClock() : () => [];
  return startOnFreePort((port) => new MariaDbServer(port, options, { ...programs, before }));
}

/** For tests that need no faults: the server at MYSQL_URL, which may be a MySQL, or a new one. */
export async function anyMariaDb(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const url = process.env['MYSQL_URL'];
  return url ? { url, stop: () => Promise.resolve() } : startMariaDb();
}

interface Programs {
  readonly binary: string;
  readonly installer: string;
  /** What goes before the command. */
  readonly before: (folder: string) => readonly string[];
}

export class MariaDbServer extends ServerWithClock {
  /** Of a user who may do everything. */
  readonly url: string;

  constructor(
    port: number,
    { conf = [], durable, movableClock }: MariaDbOptions,
    { binary, installer, before }: Programs,
  ) {
    // For root, the installer would change the owners of files of Debian's package.
    const user = insteadOfRoot('nobody');
    super(
      {
        name: 'mariadb',
        user,
        prepare({ folder }) {
          const args = [
            ...['--no-defaults', `--datadir=${join(folder, 'data')}`, `--tmpdir=${folder}`],
            ...['--skip-test-db', '--skip-name-resolve'],
          ];
          execFileSync(installer, args, { cwd: folder, stdio: 'pipe', ...user });
          writeFileSync(join(folder, 'setup.sql'), SETUP);
        },
        command: ({ host, folder }) => [
          ...[...before(folder), binary, '--no-defaults', `--datadir=${join(folder, 'data')}`],
          ...[`--bind-address=${host}`, `--port=${port}`, '--skip-name-resolve', '--max-connections=300'],
          ...[`--socket=${join(folder, 'socket')}`, `--pid-file=${join(folder, 'mariadb.pid')}`],
          // When it starts it removes the temporary tables of all others there.
          `--tmpdir=${folder}`,
          ...[
            '--innodb-buffer-pool-size=32M',
            '--innodb-log-file-size=16M',
            `--init-file=${join(folder, 'setup.sql')}`,
          ],
          // Still written to the system's cache at each commit, so only a power cut could lose it.
          ...(durable ? [] : ['--innodb-flush-log-at-trx-commit=2', '--innodb-doublewrite=OFF']),
          ...conf.map((line) => `--${line}`),
        ],
        ready: /ready for connections/,
      },
      port,
      movableClock ?? false,
    );
    this.url = `mysql://${USER}:${PASSWORD}@${this.host}:${port}/test`;
  }

  /** Sends one statement on a connection of its own. Resolves to the rows. */
  async query<Row = Record<string, unknown>>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const connection = await createConnection(this.url);
    try {
      const [rows] = await connection.query(sql, [...values]);
      return Array.isArray(rows) ? (rows as Row[]) : [];
    } finally {
      connection.destroy();
    }
  }
}
