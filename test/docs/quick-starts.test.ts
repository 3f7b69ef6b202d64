import type { INestApplication, INestApplicationContext } from '@nestjs/common';
import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LockConflictError, LockModule, LockService, getLockBackendToken } from 'nestlock';
import { mysqlBackend } from 'nestlock/mysql';
import { postgresBackend } from 'nestlock/postgres';
import { Pool } from 'pg';
import { type MariaDbServer, startMariaDb } from '../servers/mariadb';
import { type PostgresServer, startPostgres } from '../servers/postgres';
import { type RedisServer, startRedis } from '../servers/redis';
import { until } from '../servers/until';
import { type ZooKeeperServer, startZooKeeper } from '../servers/zookeeper';
import { type Block, allPages, readPage } from './pages';
import { run, runFile } from './run';

let redis: RedisServer;
let zookeeper: ZooKeeperServer;
let postgres: PostgresServer;
let mariadb: MariaDbServer;
const apps: INestApplicationContext[] = [];

beforeAll(async () => {
  Logger.overrideLogger(false);
  [redis, zookeeper, postgres, mariadb] = await Promise.all([
    startRedis(),
    startZooKeeper(),
    startPostgres(),
    startMariaDb(),
  ]);
}, 120_000);
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});
afterAll(() => Promise.all([redis, zookeeper, postgres, mariadb].map((server) => server?.stop())));

/** The block that a comment before it says is to be run: `<!-- run: quick start -->`. */
function blockToRun(path: string, what: string): Block {
  const blocks = readPage(path).blocks.filter(({ lang }) => lang === 'ts');
  const block = blocks.find(({ notes }) => notes.get('run') === what);
  if (!block || (what === 'quick start' && block !== blocks[0]))
    throw new Error(`Expected ${path} to have a block with <!-- run: ${what} -->`);
  return block;
}

describe('README: the quick start', () => {
  const MODULE = "LockModule.forRoot({ backend: redisBackend('redis://localhost:6379') })";
  const DECORATOR = "@DistributedLock('event:{eventId}') // one at a time for each event, in all instances";
  const ANY_PORT = { 'app.listen(3000)': 'app.listen(0)' };

  async function start(replace: Record<string, string>): Promise<INestApplication> {
    const create = jest.spyOn(NestFactory, 'create');
    try {
      runFile(readPage('README.md'), 'src/main.ts', { ...ANY_PORT, ...replace });
      const app = (await create.mock.results[0]!.value) as INestApplication;
      apps.push(app);
      await until('the server', () => (app.getHttpServer() as { listening: boolean }).listening);
      return app;
    } finally {
      create.mockRestore();
    }
  }

  /** As the documentation does with curl. Answers how often each status came. */
  async function buy(app: INestApplication): Promise<Record<number, number>> {
    const url = (await app.getUrl()).replace('[::1]', 'localhost');
    const counts: Record<number, number> = {};
    const one = async (): Promise<void> => {
      const { status } = await fetch(`${url}/events/concert/seats`, { method: 'POST' });
      counts[status] = (counts[status] ?? 0) + 1;
    };
    await Promise.all(Array.from({ length: 12 }, one));
    return counts;
  }

  it('on Redis sells ten seats to twelve buyers', async () => {
    const app = await start({ 'redis://localhost:6379': redis.url });
    expect(await buy(app)).toEqual({ 201: 10, 409: 2 });
    expect(await redis.command('exists', '{nestlock:event:concert}:fence')).toBe(1);
  });

  it('without Redis as well', async () => {
    expect(await buy(await start({ [MODULE]: 'LockModule.forRoot()' }))).toEqual({ 201: 10, 409: 2 });
  });

  it('without the decorator sells twelve', async () => {
    expect(await buy(await start({ [MODULE]: 'LockModule.forRoot()', [DECORATOR]: '' }))).toEqual({ 201: 12 });
  });
});

describe('the quick start of each backend', () => {
  const quickStarts = [
    { name: 'memory', excludesProcesses: false, replace: () => ({}) },
    { name: 'redis', excludesProcesses: true, replace: () => ({ 'redis://user:password@cache:6379': redis.url }) },
    {
      name: 'zookeeper',
      excludesProcesses: true,
      replace: () => ({ 'zk1:2181,zk2:2181,zk3:2181': zookeeper.connectString }),
    },
    { name: 'postgres', excludesProcesses: true, replace: () => ({ 'postgres://user:password@db/app': postgres.url }) },
    { name: 'mysql', excludesProcesses: true, replace: () => ({ 'mysql://user:password@db/app': mariadb.url }) },
  ];

  /** Each time with a backend of its own, as another process has. */
  async function boot(block: Block, replace: Record<string, string>): Promise<INestApplicationContext> {
    const { AppModule } = await run(block, { replace });
    const app = await NestFactory.createApplicationContext(AppModule as object, { logger: false });
    apps.push(app);
    return app;
  }

  it('is here', () => {
    const paths = allPages().map(({ path }) => path);
    const names = paths.flatMap((path) => /^docs\/backends\/(.*)\.md$/.exec(path)?.[1] ?? []);
    expect(quickStarts.map(({ name }) => name).sort()).toEqual(names.sort());
  });

  it.each(quickStarts)('$name', async ({ name, excludesProcesses, replace }) => {
    const block = blockToRun(`docs/backends/${name}.md`, 'quick start');
    const [one, other] = [await boot(block, replace()), await boot(block, replace())];
    expect(one.get<{ name: string }>(getLockBackendToken()).name).toContain(name);
    const [locks, otherLocks] = [one.get(LockService), other.get(LockService)];
    const lock = await locks.acquire('k');
    expect(await locks.tryAcquire('k')).toBeNull();
    const elsewhere = await otherLocks.tryAcquire('k');
    expect(elsewhere === null).toBe(excludesProcesses);
    await elsewhere?.release();
    const { fencingToken } = lock;
    await lock.release();
    expect(await otherLocks.run('k', (next) => next.held && next.fencingToken > fencingToken)).toBe(true);
  });
});

it('the service without Nest', async () => {
  const block = blockToRun('docs/guide/service.md', 'service without nest');
  const { result } = await run(block, { replace: { 'redis://localhost:6379': redis.url } });
  expect(result).toMatch(/^token \d{16}$/);
});

describe('work that writes through the transaction of its lock', () => {
  const TABLE =
    'CREATE TABLE account (id varchar(20) PRIMARY KEY, balance int NOT NULL, version int NOT NULL DEFAULT 1)';
  const databases = [
    {
      name: 'postgres',
      query: (sql: string): Promise<object[]> => postgres.query(sql),
      backend: () => postgresBackend({ url: postgres.url, strategy: 'transaction', commandTimeout: '10s' }),
    },
    {
      name: 'mysql',
      query: (sql: string): Promise<object[]> => mariadb.query(sql),
      backend: () => mysqlBackend({ url: mariadb.url, strategy: 'transaction', commandTimeout: '10s' }),
    },
  ];

  it.each(databases)('$name', async ({ name, query, backend }) => {
    await query(TABLE);
    await query("INSERT INTO account (id, balance) VALUES ('7', 100)");
    const { AccountService } = await run(blockToRun(`docs/backends/${name}.md`, 'transaction'));
    @Module({ imports: [LockModule.forRoot({ instance: 'ledger', backend: backend() })], providers: [AccountService] })
    class AppModule {}
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    apps.push(app);
    const accounts = app.get<{ withdraw(id: string, amount: number): Promise<void> }>(AccountService);
    await Promise.all([1, 2, 3].map((amount) => accounts.withdraw('7', amount)));
    expect(await query('SELECT balance FROM account')).toMatchObject([{ balance: 94 }]);
  });

  it('updateVersioned: of two who have read the same, one is told of the other', async () => {
    const { withdraw } = await run(blockToRun('docs/backends/postgres.md', 'versioned'));
    await postgres.query(`CREATE SCHEMA versioned; SET search_path = versioned; ${TABLE}`);
    await postgres.query("INSERT INTO versioned.account (id, balance) VALUES ('7', 100)");
    const pool = new Pool({ connectionString: postgres.url, options: '-c search_path=versioned' });
    try {
      let readers = 0;
      const query = async (text: string, values: unknown[]): Promise<unknown> => {
        const answer = await pool.query(text, values);
        if (text.startsWith('SELECT') && ++readers < 2) await until('the other', () => readers === 2);
        return answer;
      };
      const outcomes = await Promise.allSettled([10, 20].map((amount) => withdraw({ query }, '7', amount)));
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
        reason: expect.any(LockConflictError),
      });
    } finally {
      await pool.end();
    }
  });
});

it('every sql block runs', async () => {
  const pages = allPages().filter(({ blocks }) => blocks.some(({ lang }) => lang === 'sql'));
  expect(pages.length).toBeGreaterThan(0);
  for (const { path, blocks } of pages) {
    const schema = path.replace(/\W/g, '_');
    const texts = blocks.filter(({ lang }) => lang === 'sql').map(({ text }) => text);
    await postgres.query([`CREATE SCHEMA ${schema}`, `SET search_path = ${schema}`, ...texts].join(';\n'));
  }
});
