import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PostgresServer } from './postgres';
import { program } from './program';
import { Server, startOnFreePort } from './server';
import { insteadOfRoot } from './user';

export interface PgBouncerOptions {
  /** How long a client keeps its connection to PostgreSQL. Default: 'transaction'. */
  readonly mode?: 'session' | 'transaction' | 'statement';
  /** Further lines of its pgbouncer.ini: `'default_pool_size = 2'`. */
  readonly conf?: readonly string[];
}

export function pgBouncerProgram(): Promise<string> {
  return program('pgbouncer', 'pgbouncer');
}

/** Starts a PgBouncer before this server. */
export async function startPgBouncer(
  postgres: PostgresServer,
  options: PgBouncerOptions = {},
): Promise<PgBouncerServer> {
  const binary = await pgBouncerProgram();
  return startOnFreePort((port) => new PgBouncerServer(port, postgres, options, binary));
}

export class PgBouncerServer extends Server {
  /** As that of the server behind it. */
  readonly url: string;

  constructor(port: number, postgres: PostgresServer, options: PgBouncerOptions, binary: string) {
    const { mode = 'transaction', conf = [] } = options;
    const url = new URL(postgres.url);
    super(
      {
        name: 'pgbouncer',
        user: insteadOfRoot('postgres'),
        prepare({ host, folder }) {
          const users = join(folder, 'users');
          writeFileSync(users, `"${url.username}" "${url.password}"\n`);
          const lines = [
            ...['[databases]', `* = host=${postgres.host} port=${postgres.port}`, '[pgbouncer]'],
            ...[`listen_addr = ${host}`, `listen_port = ${port}`, 'unix_socket_dir =', `pool_mode = ${mode}`],
            ...['auth_type = scram-sha-256', `auth_file = ${users}`, `admin_users = ${url.username}`],
          ];
          writeFileSync(join(folder, 'pgbouncer.ini'), [...lines, ...conf, ''].join('\n'));
        },
        command: ({ folder }) => [binary, join(folder, 'pgbouncer.ini')],
        ready: /process up: PgBouncer/,
        // Since version 1.23 it waits for its clients after SIGTERM, but not after this.
        stopSignal: 'SIGQUIT',
      },
      port,
    );
    url.port = `${port}`;
    this.url = url.href;
  }
}
