import { existsSync } from 'node:fs';
import { type Connection, createConnection } from 'mysql2/promise';
import { isGone } from './family';
import { anyMariaDb, type MariaDbServer, startMariaDb } from './mariadb';
import { until } from './until';

describe('MariaDB', () => {
  let mariadb: MariaDbServer;
  let client: Connection;
  const connect = async (): Promise<Connection> => {
    const connection = await createConnection(mariadb.url);
    connection.on('error', () => {});
    return connection;
  };
  const open = async (...options: Parameters<typeof startMariaDb>): Promise<void> => {
    mariadb = await startMariaDb(...options);
    client = await connect();
  };

  afterEach(async () => {
    client?.destroy();
    await mariadb?.stop();
  });

  it('starts on a port of its own', async () => {
    await open();
    const other = await startMariaDb({ conf: ['max-connections=20', 'innodb_lock_wait_timeout=5'], durable: true });
    expect(other.port).not.toBe(mariadb.port);
    const settings =
      'SELECT @@max_connections AS connections, @@innodb_lock_wait_timeout AS seconds, @@innodb_flush_log_at_trx_commit AS flush';
    expect(await other.query(settings)).toEqual([{ connections: 20, seconds: 5, flush: 1 }]);
    await other.stop();
    expect(await mariadb.query(settings)).toEqual([{ connections: 300, seconds: 50, flush: 2 }]);
    expect(await mariadb.query('SELECT ? + 1 AS sum, DATABASE() AS name', [2])).toEqual([{ sum: 3, name: 'test' }]);
    await expect(mariadb.query('SELECT nothing')).rejects.toThrow("Unknown column 'nothing'");
  });

  it('has a user who can make others', async () => {
    await open();
    expect(await mariadb.query("CREATE USER ada@'%' IDENTIFIED BY 'pw'")).toEqual([]);
    await mariadb.query("GRANT SELECT ON test.* TO ada@'%'");
    const ada = await createConnection(mariadb.url.replace(/\/\/.*@/, '//ada:pw@'));
    await expect(ada.query('CREATE TABLE test.a (id int)')).rejects.toThrow('CREATE command denied');
    await ada.end();
  });

  it('says why it could not be started', async () => {
    await expect(startMariaDb({ conf: ['no-such-option=7'] })).rejects.toThrow(
      /^mariadb could not be started: it has ended\n[^]*unknown variable 'no-such-option=7'/,
    );
  });

  it('is started again with all that was committed', async () => {
    await open();
    await client.query('CREATE TABLE kept (number int)');
    for (const number of [1, 2, 3]) {
      await mariadb.query('INSERT INTO kept VALUES (?)', [number]);
      await mariadb.kill();
      await mariadb.start();
    }
    expect(await mariadb.query('SELECT number FROM kept ORDER BY 1')).toEqual([1, 2, 3].map((number) => ({ number })));
  });

  it('says nothing while it is paused', async () => {
    await open();
    mariadb.pause();
    let answered = false;
    const answer = client.query('SELECT 1').then(() => (answered = true));
    await expect(until('an answer', () => answered, 200)).rejects.toThrow('in vain: an answer');
    mariadb.resume();
    expect(await answer).toBe(true);
  });

  it.each(['idle', 'busy', 'paused', 'dead'])('is soon gone with its folder when it is stopped: %s', async (how) => {
    await open();
    const { folder, pid } = mariadb;
    await client.query("SELECT GET_LOCK('a', 0)");
    await client.beginTransaction();
    const waiting = await connect();
    if (how === 'busy') {
      waiting.query("SELECT GET_LOCK('a', 100)").catch(() => {});
      const look = "SELECT 1 FROM information_schema.processlist WHERE state = 'User lock'";
      await until('a connection that waits', async () => (await mariadb.query(look)).length > 0);
    }
    if (how === 'paused') mariadb.pause();
    if (how === 'dead') await mariadb.kill();
    const start = performance.now();
    await mariadb.stop();
    expect(performance.now() - start).toBeLessThan(9_000);
    expect(isGone(pid) && !existsSync(folder)).toBe(true);
    waiting.destroy();
  });

  it('has a clock that can be set', async () => {
    await open({ movableClock: true });
    const other = await connect();
    await other.query("SELECT GET_LOCK('a', 0)");
    const ahead = async (): Promise<number> => {
      const [row] = await mariadb.query<{ now: Date }>('SELECT NOW(6) AS now');
      return row!.now.getTime() - Date.now();
    };
    for (const offset of [1_000_500, -1_000_000]) {
      mariadb.setClock(offset);
      expect(Math.abs((await ahead()) - offset)).toBeLessThan(100_000);
      // It waits as long as ever.
      const start = performance.now();
      expect((await client.query("SELECT GET_LOCK('a', 0.5) AS got"))[0]).toEqual([{ got: 0 }]);
      expect(performance.now() - start).toBeGreaterThan(400);
      expect(performance.now() - start).toBeLessThan(9_000);
    }
    other.destroy();
  });
});

describe('MYSQL_URL', () => {
  const { MYSQL_URL } = process.env;

  afterEach(() => {
    if (MYSQL_URL === undefined) delete process.env['MYSQL_URL'];
    else process.env['MYSQL_URL'] = MYSQL_URL;
  });

  it('stands for a server that is not ours', async () => {
    process.env['MYSQL_URL'] = 'mysql://elsewhere';
    const { url, stop } = await anyMariaDb();
    expect(url).toBe('mysql://elsewhere');
    await stop();
  });
});
