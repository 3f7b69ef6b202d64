import { allContenders } from '../contenders/sql.mjs';
import { packageOf } from '../facts.mjs';
import { startMariaDb } from '../servers/mariadb.mjs';
import { startPostgres } from '../servers/postgres.mjs';
import { sum } from '../statistics.mjs';
import { nodeWorker, Workers } from '../workers.mjs';

const TTL = 30_000;

export const openPostgres = ({ plan }) => openSql({ system: 'postgres', start: startPostgres, plan, driver: 'pg' });
export const openMysql = ({ plan }) => openSql({ system: 'mysql', start: startMariaDb, plan, driver: 'mysql2' });

/** What the cases work with: a database, processes, and the plan of how long to measure. */
async function openSql({ system, start, plan, driver }) {
  const { url, stop } = await start();
  const version = await prepare(system, url);
  return {
    plan,
    contenders: allContenders(),
    workers(library, count = 1) {
      const [file, strategy] = library.split(' ');
      return new Workers(library, count, () => nodeWorker(system, file, url, String(TTL), strategy));
    },

    async startCount() {
      return async (results) => sum(results.flatMap(({ commands }) => Object.values(commands)));
    },

    async facts() {
      return [
        [system === 'mysql' ? 'MariaDB' : 'PostgreSQL', version],
        [driver, packageOf(`../node_modules/${driver}/package.json`).version],
      ];
    },

    close: stop,
  };
}

/** Makes the tables of those that have no library. @returns the version of the server */
async function prepare(system, url) {
  const { connect } = await import(`../contenders/${system}/connection.mjs`);
  const { tables } = await import(`../contenders/${system}/by-hand.mjs`);
  const pool = connect(url);
  for (const table of tables) await pool.query(table);
  const answer = await pool.query('SELECT version() AS version');
  await pool.end();
  const { version } = (answer.rows ?? answer[0])[0];
  return /[\d.]+/.exec(version)[0];
}
