import { appendFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from './server.mjs';

/** Where Debian has its programs, in a folder for each version. */
const FOLDER = '/usr/lib/postgresql';

/** A PostgreSQL by itself, with the settings of the tests: it writes its log without waiting for the disk. */
export async function startPostgres() {
  const programs = folderOfPrograms();
  const { port, stop } = await startServer({
    command({ port, folder, prepare }) {
      const data = join(folder, 'data');
      const args = ['--pgdata', data, '--username', 'bench', '--auth', 'trust', '--locale', 'C.UTF-8', '--no-sync'];
      prepare(join(programs, 'initdb'), args);
      const lines = [
        ...["listen_addresses = '127.0.0.1'", `port = ${port}`, `unix_socket_directories = '${folder}'`],
        ...['max_connections = 300', 'fsync = off', 'full_page_writes = off'],
      ];
      appendFileSync(join(data, 'postgresql.conf'), `\n${lines.join('\n')}\n`);
      return [join(programs, 'postgres'), '-D', data];
    },
    ready: /database system is ready to accept connections/,
    missing: 'Found no postgres: please install postgresql (as Debian and Ubuntu call it).',
    insteadOfRoot: 'postgres',
    stopSignal: 'SIGQUIT', // so it frees its shared memory
  });
  return { url: `postgres://bench@127.0.0.1:${port}/postgres`, stop };
}

/** That of the newest; none if they are in the PATH. */
function folderOfPrograms() {
  const versions = existsSync(FOLDER) ? readdirSync(FOLDER).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(FOLDER, version, 'bin')).find((path) => existsSync(join(path, 'initdb'))) ?? '';
}
