import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LockService } from 'nestlock';
import { redisBackend } from 'nestlock/redis';
import { attachLocks } from 'nestlock/testing';
import { Pool } from 'pg';
import { type PostgresServer, startPostgres } from '../servers/postgres';
import { type RedisServer, startRedis } from '../servers/redis';
import { until } from '../servers/until';
import { readPage } from './pages';
import { runFile } from './run';

const page = readPage('docs/safety.md');

let redis: RedisServer;
let postgres: PostgresServer;
const services: LockService[] = [];

beforeAll(async () => {
  Logger.overrideLogger(false);
  [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
}, 60_000);
afterEach(async () => {
  for (const service of services.splice(0)) await service.close();
});
afterAll(() => Promise.all([redis, postgres].map((server) => server?.stop())));

/** As in another process: with connections and queues of its own. */
function elsewhere(): LockService {
  const service = new LockService({ backend: redisBackend(redis.url), shutdownTimeout: 0 });
  services.push(service);
  return service;
}

interface Work {
  readonly promise: Promise<unknown>;
  /** When it has read, before it writes. */
  readonly hasRead: () => boolean;
  goOn(): void;
}

/** Begins to change the resource, and pauses before it writes. */
function begin<T>(change: (compute: (value: T) => Promise<T>) => Promise<unknown>, compute: (value: T) => T): Work {
  let goOn!: () => void;
  let isThere = false;
  const told = new Promise<void>((resolve) => (goOn = resolve));
  const promise = change(async (value) => {
    isThere = true;
    await told;
    return compute(value);
  });
  promise.catch(() => undefined); // looked at later
  return { promise, hasRead: () => isThere, goOn };
}

/** When the late holder writes: before or after the next one has written; it has read in any case. */
type Moment = 'before' | 'after';

/**
 * Redis forgets the lock of the first holder, as in a failover; the next one gets it and reads; the first one, who knows of
 * nothing, writes. Resolves to what became of both.
 */
async function race(
  key: string,
  first: () => Work,
  next: () => Work,
  moment: Moment,
): Promise<PromiseSettledResult<unknown>[]> {
  const late = first();
  await until('the first holder', late.hasRead);
  expect(await redis.command('del', `{nestlock:${key}}`)).toBe(1);
  const other = next();
  await until('the next holder', other.hasRead);
  const works = moment === 'before' ? [late, other] : [other, late];
  for (const work of works) {
    work.goOn();
    await work.promise.catch(() => undefined);
  }
  return Promise.allSettled([late.promise, other.promise]);
}

describe('in SQL', () => {
  const TABLE = page.blocks.find(({ lang }) => lang === 'sql')!.text;
  let pool: Pool;

  beforeEach(async () => {
    pool = new Pool({ connectionString: postgres.url });
    await pool.query(TABLE);
  });
  afterEach(async () => {
    await pool.query('DROP TABLE account');
    await pool.end();
  });

  /** 30 are taken by the one who is late, and 5 given by the next. */
  async function raceWith(moment: Moment, replace: Record<string, string> = {}) {
    const { AccountService } = runFile(page, 'src/account.service.ts', replace);
    type Accounts = { change(id: string, compute: (balance: number) => Promise<number>): Promise<number> };
    const start = (add: number) => (): Work => {
      const locks = elsewhere();
      const accounts = attachLocks(new AccountService(locks, pool) as Accounts, locks);
      return begin<number>(
        (compute) => accounts.change('ada', compute),
        (balance) => balance + add,
      );
    };
    const outcomes = await race('account:ada', start(-30), start(5), moment);
    const { rows } = await pool.query<{ balance: string }>('SELECT balance FROM account');
    return { outcomes, balance: Number(rows[0]!.balance) };
  }

  it.each(['before', 'after'] as const)('a late holder is refused: %s the next one has written', async (moment) => {
    const { outcomes, balance } = await raceWith(moment);
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { name: 'LateHolderError' } },
      { status: 'fulfilled', value: 105 },
    ]);
    expect(balance).toBe(105);
  });

  it('those who are not late write one after the other', async () => {
    const { AccountService } = runFile(page, 'src/account.service.ts');
    const adds = [1, 2, 3].map(async (amount) => {
      const locks = elsewhere();
      const accounts = attachLocks(new AccountService(locks, pool), locks);
      await accounts.change('ada', async (balance: number) => balance + amount);
    });
    await Promise.all(adds);
    expect((await pool.query('SELECT balance FROM account')).rows).toEqual([{ balance: '106' }]);
  });

  it('without the check, what the next one was told is written is lost', async () => {
    const unchecked = { 'AND fence = $2': 'AND $2::bigint IS NOT NULL' };
    const { outcomes, balance } = await raceWith('after', unchecked);
    expect(outcomes[1]).toEqual({ status: 'fulfilled', value: 105 });
    expect(balance).toBe(70);
  });

  it('with a check in the last access only, what is written late is accepted, and then lost', async () => {
    const atTheEnd = {
      'UPDATE account SET fence = $2 WHERE id = $1 AND fence <= $2 RETURNING balance':
        'SELECT balance FROM account WHERE id = $1 AND fence <= $2',
      'SET balance = $3 WHERE id = $1 AND fence = $2': 'SET balance = $3, fence = $2 WHERE id = $1 AND fence <= $2',
    };
    const { outcomes, balance } = await raceWith('before', atTheEnd);
    expect(outcomes[0]).toMatchObject({ reason: { name: 'LockLostError', result: 70 } }); // it was written
    expect(balance).toBe(105);
  });
});

describe('over HTTP', () => {
  async function raceWith(moment: Moment, replace: Record<string, string> = {}) {
    const { DocumentsController } = runFile(page, 'src/documents.controller.ts', replace);
    const { Editor } = runFile(page, 'src/editor.ts');
    @Module({ controllers: [DocumentsController] })
    class Storage {}
    const storage = await NestFactory.create(Storage, { logger: false });
    await storage.listen(0, '127.0.0.1');
    try {
      const url = await storage.getUrl();
      type Editors = { edit(id: string, change: (text: string) => Promise<string>): Promise<string> };
      const start = (word: string) => (): Work => {
        const locks = elsewhere();
        const editor = attachLocks(new Editor(locks, { url }) as Editors, locks);
        return begin<string>(
          (change) => editor.edit('poem', change),
          (text) => text + word,
        );
      };
      const outcomes = await race('document:poem', start('late'), start('next'), moment);
      const headers = { 'x-fencing-token': '9'.repeat(20) };
      const response = await fetch(`${url}/documents/poem`, { headers });
      return { outcomes, text: ((await response.json()) as { text: string }).text };
    } finally {
      await storage.close();
    }
  }

  it.each(['before', 'after'] as const)('a late holder is refused: %s the next one has written', async (moment) => {
    const { outcomes, text } = await raceWith(moment);
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { message: 'PUT poem: 412' } },
      { status: 'fulfilled', value: 'next' },
    ]);
    expect(text).toBe('next');
  });

  it('without the check, what the next one was told is written is lost', async () => {
    const { outcomes, text } = await raceWith('after', { 'BigInt(token) < document.fence': 'false' });
    expect(outcomes[1]).toEqual({ status: 'fulfilled', value: 'next' });
    expect(text).toBe('late');
  });
});
