import { existsSync } from 'node:fs';
import { Client } from 'pg';
import { isGone } from './family';
import { type PgBouncerServer, startPgBouncer } from './pgbouncer';
import { type PostgresServer, startPostgres } from './postgres';
import { until } from './until';

describe('PgBouncer', () => {
  let postgres: PostgresServer;
  let bouncer: PgBouncerServer;
  const clients: Client[] = [];
  const connect = async (url: string): Promise<Client> => {
    const client = new Client({ connectionString: url });
    client.on('error', () => {});
    clients.push(client);
    await client.connect();
    return client;
  };
  const processOf = async (client: Client): Promise<number> => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    return rows[0]!.pid;
  };

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end()));
    await bouncer?.stop();
  });
  afterAll(() => postgres?.stop());

  it('shares connections between transactions, on a port of its own', async () => {
    bouncer = await startPgBouncer(postgres);
    const other = await startPgBouncer(postgres);
    expect(other.port).not.toBe(bouncer.port);
    await other.stop();
    const [one, two] = [await connect(bouncer.url), await connect(bouncer.url)];
    const shared = await processOf(one);
    expect(await processOf(two)).toBe(shared);
    await one.query('BEGIN');
    expect(await processOf(one)).toBe(shared);
    expect(await processOf(two)).not.toBe(shared);
  });

  it('gives each client a connection for its session if told to, and takes lines of its pgbouncer.ini', async () => {
    bouncer = await startPgBouncer(postgres, { mode: 'session', conf: ['default_pool_size = 1'] });
    const [one, two] = [await connect(bouncer.url), new Client({ connectionString: bouncer.url })];
    const shared = await processOf(one);
    let answered = false;
    const answer = two.connect().then(() => processOf(two));
    void answer.then(() => (answered = true));
    await expect(until('an answer', () => answered, 200)).rejects.toThrow('in vain: an answer');
    await one.end();
    expect(await answer).toBe(shared);
    await two.end();
  });

  it('has no transactions of several statements if told so', async () => {
    bouncer = await startPgBouncer(postgres, { mode: 'statement' });
    const client = await connect(bouncer.url);
    await expect(client.query('BEGIN')).rejects.toThrow('transaction blocks not allowed');
  });

  it('is paused, killed and started again', async () => {
    bouncer = await startPgBouncer(postgres);
    const client = await connect(bouncer.url);
    bouncer.pause();
    let answered = false;
    const answer = processOf(client).then(() => (answered = true));
    await expect(until('an answer', () => answered, 200)).rejects.toThrow('in vain: an answer');
    bouncer.resume();
    await answer;
    await bouncer.kill();
    await expect(processOf(client)).rejects.toThrow();
    await bouncer.start();
    expect(await processOf(await connect(bouncer.url))).toBeGreaterThan(0);
  });

  it('is soon gone with its folder when it is stopped, whoever is connected', async () => {
    bouncer = await startPgBouncer(postgres);
    const { folder, pid } = bouncer;
    const client = await connect(bouncer.url);
    await client.query('BEGIN');
    const start = performance.now();
    await bouncer.stop();
    expect(performance.now() - start).toBeLessThan(9_000);
    expect(isGone(pid) && !existsSync(folder)).toBe(true);
  });
});
