import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from './server.mjs';

const SETUP = `
  CREATE DATABASE bench;
  CREATE USER bench@'%' IDENTIFIED BY 'bench';
  GRANT ALL ON *.* TO bench@'%';
`;

/** A MariaDB by itself, with the settings of the tests: it writes its log without waiting for the disk. */
export async function startMariaDb() {
  const { port, stop } = await startServer({
    command({ port, folder, prepare }) {
      const data = ['--no-defaults', `--datadir=${join(folder, 'data')}`, '--skip-name-resolve'];
      prepare('mariadb-install-db', [...data, '--skip-test-db']);
      const setup = join(folder, 'setup.sql');
      writeFileSync(setup, SETUP);
      return [
        ...['mariadbd', ...data, '--bind-address=127.0.0.1', `--port=${port}`, '--max-connections=300'],
        ...[`--socket=${join(folder, 'socket')}`, `--pid-file=${join(folder, 'pid')}`, `--init-file=${setup}`],
        ...['--innodb-flush-log-at-trx-commit=2', '--innodb-doublewrite=OFF'],
      ];
    },
    ready: /ready for connections/,
    missing:
      'Found no mariadbd: please install mariadb-server-core and mariadb-client-core (as Debian and Ubuntu call them).',
    insteadOfRoot: 'nobody', // and for root, the installer would change the owners of files of Debian's package
  });
  return { url: `mysql://bench:bench@127.0.0.1:${port}/bench`, stop };
}
