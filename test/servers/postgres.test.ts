import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { isGone } from './family';
import { anyPostgres, type PostgresServer, startPostgres } from './postgres';
import { until } from './until';

describe('PostgreSQL', () => {
  let postgres: PostgresServer;
  let client: Client;
  const connect = async (): Promise<Client> => {
    const connection = new Client({ connectionString: postgres.url });
    connection.on('error', () => {});
    await connection.connect();
    return connection;
  };
  const open = async (...options: Parameters<typeof startPostgres>): Promise<void> => {
    postgres = await startPostgres(...options);
    client = await connect();
  };
  /** The server, and all of its processes that are connected to a database or work for all of them. */
  const processes = async (): Promise<number[]> => {
    const rows = await postgres.query<{ pid: number }>(
      'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()',
    );
    return [postgres.pid, ...rows.map(({ pid }) => pid)];
  };
  /** A connection that works and looks neither left nor right. */
  const keepBusy = async (): Promise<void> => {
    const busy = await connect();
    busy.query('DO $$ BEGIN LOOP NULL; END LOOP; END $$').catch(() => {});
    const look = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO %'";
    await until('a busy connection', async () => (await postgres.query(look)).length > 0);
  };
  const hasSharedMemory = (id: string): boolean =>
    readFileSync('/proc/sysvipc/shm', 'utf8')
      .split('\n')
      .some((line) => line.trim().split(/\s+/)[1] === id);
  const sharedMemory = (folder: string): string =>
    readFileSync(join(folder, 'data/postmaster.pid'), 'utf8').split('\n')[6]!.trim().split(/\s+/)[1]!;

  afterEach(async () => {
    await client?.end();
    await postgres?.stop();
  });

  it('starts on a port of its own', async () => {
    await open();
    const other = await startPostgres({ conf: ['max_connections = 20'], durable: true });
    expect(other.port).not.toBe(postgres.port);
    const settings = `SELECT current_setting('fsync') AS fsync, current_setting('max_connections') AS connections,
      current_setting('server_encoding') AS encoding, usesuper AS super FROM pg_user`;
    expect(await other.query(settings)).toEqual([{ fsync: 'on', connections: '20', encoding: 'UTF8', super: true }]);
    await other.stop();
    expect(await postgres.query(settings)).toEqual([
      { fsync: 'off', connections: '200', encoding: 'UTF8', super: true },
    ]);
    expect(await postgres.query('SELECT $1::int + 1 AS sum', [2])).toEqual([{ sum: 3 }]);
    await expect(postgres.query('SELECT nothing')).rejects.toThrow('column "nothing" does not exist');
  });

  it('says why it could not be started', async () => {
    await expect(startPostgres({ conf: ['no_such_parameter = 7'] })).rejects.toThrow(
      /^postgres could not be started: it has ended\n[^]*unrecognized configuration parameter "no_such_parameter"/,
    );
  });

  it('is started again with all that was committed, however often it is killed at work', async () => {
    await open();
    await client.query('CREATE TABLE kept (number int)');
    for (const number of [1, 2, 3]) {
      await postgres.query('INSERT INTO kept VALUES ($1)', [number]);
      await keepBusy();
      const pids = await processes();
      expect(pids.length).toBeGreaterThan(3);
      await postgres.kill();
      expect(pids.every(isGone)).toBe(true);
      await postgres.start();
    }
    expect(await postgres.query('SELECT number FROM kept ORDER BY 1')).toEqual([1, 2, 3].map((number) => ({ number })));
  });

  it('says nothing on any connection while it is paused', async () => {
    await open();
    postgres.pause();
    let answers = 0;
    const query = async (): Promise<void> => {
      await client.query('SELECT 1');
      answers++;
    };
    const asked = [query(), connect().then((late) => (answers++, late.end()))];
    await expect(until('an answer', () => answers > 0, 200)).rejects.toThrow('in vain: an answer');
    postgres.resume();
    await Promise.all(asked);
    expect(answers).toBe(2);
  });

  it.each(['idle', 'busy', 'paused', 'dead'])(
    'is soon gone with all that is its when it is stopped: %s',
    async (how) => {
      await open();
      const { folder } = postgres;
      const pids = await processes();
      const memory = sharedMemory(folder);
      expect(hasSharedMemory(memory)).toBe(true);
      await client.query('BEGIN');
      if (how === 'busy') await keepBusy();
      if (how === 'paused') postgres.pause();
      if (how === 'dead') await postgres.kill();
      const start = performance.now();
      await postgres.stop();
      expect(performance.now() - start).toBeLessThan(9_000);
      expect(pids.every(isGone)).toBe(true);
      expect(existsSync(folder) || hasSharedMemory(memory)).toBe(false);
    },
  );

  it('is gone with all of its processes after the end of ours', async () => {
    const child = spawn(process.execPath, ['-e', script, __dirname], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [output] = (await once(child.stdout, 'data')) as [Buffer];
    const { pids, folder } = JSON.parse(output.toString()) as { pids: number[]; folder: string };
    const memory = sharedMemory(folder);
    expect(pids.some(isGone)).toBe(false);
    child.kill('SIGKILL');
    await until('the end of the server', () => pids.every(isGone) && !existsSync(folder));
    expect(hasSharedMemory(memory)).toBe(false);
  });

  it('has a clock that can be set', async () => {
    await open({ movableClock: true });
    const ahead = async (): Promise<number> => {
      const { rows } = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now');
      return rows[0]!.now.getTime() - Date.now();
    };
    expect(Math.abs(await ahead())).toBeLessThan(100_000);
    for (const offset of [1_000_500, -2_000_000, -1_000_000]) {
      postgres.setClock(offset);
      expect(Math.abs((await ahead()) - offset)).toBeLessThan(100_000);
    }
    // Its timeouts are as long as ever.
    await client.query('SET statement_timeout = 200');
    await expect(client.query('SELECT pg_sleep(20)')).rejects.toThrow('statement timeout');
    await postgres.kill();
    await postgres.start();
    client = await connect();
    expect(Math.abs((await ahead()) + 1_000_000)).toBeLessThan(100_000);
  });

  it('has no such clock unless asked for', async () => {
    await open();
    expect(() => postgres.setClock(1)).toThrow('Expected a server that was started with "movableClock"');
  });
});

/** Starts a PostgreSQL and waits. */
const script = `
  const { transformFileSync } = require('@swc/core');
  const options = { swcrc: false, jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } };
  require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, options).code, file);
  setInterval(() => {}, 1_000);
  require(process.argv[1] + '/postgres.ts').startPostgres().then(async (server) => {
    const { family } = require(process.argv[1] + '/family.ts');
    console.log(JSON.stringify({ pids: family(server.pid), folder: server.folder }));
  });`;

describe('POSTGRES_URL', () => {
  const { POSTGRES_URL } = process.env;

  afterEach(() => {
    if (POSTGRES_URL === undefined) delete process.env['POSTGRES_URL'];
    else process.env['POSTGRES_URL'] = POSTGRES_URL;
  });

  it('stands for a server that is not ours', async () => {
    process.env['POSTGRES_URL'] = 'postgres://elsewhere';
    const { url, stop } = await anyPostgres();
    expect(url).toBe('postgres://elsewhere');
    await stop();
  });
});
