import { LockConfigError, LockLostError, LockService, LockUnavailableError, memoryBackend } from 'nestlock';
import type { Lock, LockBackend } from 'nestlock';
import { freePort } from '../servers/ports';
import type { DatabaseKind, Started } from './databases';
import { MARIADB, POSTGRES, urlWith } from './databases';

describe.each([POSTGRES, MARIADB])('$name', (kind: DatabaseKind) => {
  let server: Started;
  const services: LockService[] = [];

  beforeAll(async () => {
    server = await kind.start();
    for (const sql of kind.guest) await server.query(sql);
  });
  afterEach(() => Promise.all(services.splice(0).map((service) => service.close())));
  afterAll(() => server?.stop());

  const backend = (options: object): LockBackend =>
    kind.backend({ commandTimeout: '10s', ...(!('pool' in options) && { url: server.url }), ...options } as never);

  function serviceOn(options: object, warnings: string[] = []): LockService {
    const service = new LockService({ backend: backend(options), warn: (message) => warnings.push(message) });
    services.push(service);
    return service;
  }

  async function refusalOf(options: object): Promise<Error> {
    const error: unknown = await serviceOn(options)
      .open()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LockConfigError);
    return error as Error;
  }

  test('a wrong password: the boot fails', async () => {
    const { message } = await refusalOf({ url: urlWith(server.url, { password: 'wrong' }) });
    expect(message).toMatch(kind.says.password);
    expect(message).toMatch(`${kind.name} refuses`);
    expect(message).toMatch('check address, user, password, database and rights');
    expect(message).not.toMatch('wrong:');
  });

  test('no such database: the boot fails', async () => {
    const { message } = await refusalOf({ url: urlWith(server.url, { pathname: '/nowhere' }) });
    expect(message).toMatch(kind.says.database);
  });

  test('nobody there: the boot warns, and locks are unavailable until it comes', async () => {
    const warnings: string[] = [];
    const port = String(await freePort());
    const service = serviceOn({ url: urlWith(server.url, { port }), commandTimeout: 5_000 }, warnings);
    await service.open();
    expect(warnings).toEqual([
      expect.stringMatching(/is not available yet \(.*ECONNREFUSED.*\): until it is, every lock fails with LockUnav/),
    ]);
    await expect(service.acquire('k')).rejects.toThrow(LockUnavailableError);
    await expect(service.tryAcquire('k')).rejects.toThrow(/"k" could not be asked for|could not be asked for/);
  });

  test('no right to make the table: the boot fails, and says what to do', async () => {
    const url = urlWith(server.url, { username: 'guest', password: 'guest' });
    const { message } = await refusalOf({ url, table: 'not_allowed' });
    expect(message).toMatch(kind.says.rights);
    expect(message).toMatch('does not let this user make the table "not_allowed"');
    expect(message).toMatch('make it with the exported DDL');
  });

  test('no right to make the table: the pool that was passed in is as good as before', async () => {
    const pool = kind.pool(urlWith(server.url, { username: 'guest', password: 'guest' }));
    try {
      const service = serviceOn({ pool, table: 'granted_later' });
      await expect(service.open()).rejects.toThrow(LockConfigError);
      await pool.query('SELECT 1');
      await server.query(kind.grant);
      await service.open();
      expect(await service.run('k', () => 'done')).toBe('done');
    } finally {
      await server.query(kind.revoke);
      await pool.end();
    }
  });

  test('no right to write to the table: the boot fails', async () => {
    await server.query(kind.ddl('readable'));
    if (kind === POSTGRES) await server.query('GRANT SELECT ON readable, readable_fence TO guest');
    const url = urlWith(server.url, { username: 'guest', password: 'guest' });
    const { message } = await refusalOf({ url, table: 'readable' });
    expect(message).toMatch(kind.says.rights);
    if (kind === MARIADB) return;
    await server.query('GRANT INSERT, UPDATE, DELETE ON readable TO guest');
    const refusal = await refusalOf({ url, table: 'readable', strategy: 'transaction' });
    expect(refusal.message).toMatch('from the sequence "readable_fence". GRANT USAGE, SELECT, UPDATE on it');
    await server.query('GRANT USAGE, UPDATE ON readable_fence TO guest');
    const service = serviceOn({ url, table: 'readable', strategy: 'transaction' });
    await service.open();
    expect(await service.run('k', () => 'done')).toBe('done');
  });

  test('createTable: false and no table: the boot fails; with the exported DDL it works', async () => {
    const { message } = await refusalOf({ table: 'made_by_hand', createTable: false });
    expect(message).toMatch(/The table "made_by_hand" is missing .* and "createTable" is false/);
    await server.query(kind.ddl('made_by_hand'));
    await server.query(kind.ddl('made_by_hand')); // does nothing
    const service = serviceOn({ table: 'made_by_hand', createTable: false });
    await service.open();
    expect(await service.run('k', () => 'done')).toBe('done');
  });

  test.each(['a table of somebody else', 'a column of another type'])('%s: the boot fails', async (what) => {
    await server.query('DROP TABLE IF EXISTS wrong');
    await server.query(
      what === 'a column of another type' ? kind.otherType : 'CREATE TABLE wrong (id int PRIMARY KEY)',
    );
    const { message } = await refusalOf({ table: 'wrong' });
    expect(message).toMatch(/The table "wrong" is not one of nestlock \(.+\)\. Choose another name with "table"/);
  });

  test('a table in a schema', async () => {
    await server.query(kind === POSTGRES ? 'CREATE SCHEMA app' : 'CREATE DATABASE app');
    const service = serviceOn({ table: 'app.locks' });
    await service.open();
    expect(await service.run('k', () => 'done')).toBe('done');
    expect(await server.query('SELECT * FROM app.locks')).toHaveLength(1);
  });

  test.each(['transaction', 'optimistic'])('permits and shared with "%s"', async (strategy) => {
    const service = serviceOn({ strategy });
    await expect(service.run('k', () => 1, { permits: 3 })).rejects.toThrow(/Use the strategy "lease"/);
    if (kind === MARIADB && strategy === 'transaction') {
      expect(await service.run('k', () => 'shared', { mode: 'shared' })).toBe('shared');
    } else {
      await expect(service.run('k', () => 1, { mode: 'shared' })).rejects.toThrow(LockConfigError);
    }
  });

  test('what "optimistic" and "transaction" cannot do is refused at once', async () => {
    const optimistic = serviceOn({ strategy: 'optimistic' });
    await expect(optimistic.acquire('k')).rejects.toThrow(/acquire\(\) cannot be used with the backend/);
    await expect(optimistic.tryAcquire('k')).rejects.toThrow(LockConfigError);
    await expect(optimistic.run(['a', 'b'], () => 1)).rejects.toThrow(/Several keys at once/);
    await expect(optimistic.run('k', (lock) => lock.fencingToken)).rejects.toThrow(/has no fencing token/);
    await expect(serviceOn({ strategy: 'transaction' }).run('k', () => 1, { minHold: 500 })).rejects.toThrow(
      /"minHold"/,
    );
  });

  describe('transactionOf', () => {
    const use = (lock: Lock): unknown => kind.transactionOf(lock);

    test('of a lock of another kind', async () => {
      const memory = new LockService({ backend: memoryBackend() });
      await expect(memory.run('k', use)).rejects.toThrow(
        `Expected transactionOf() to be given a lock of ${kind.name} with the strategy "transaction" or "optimistic", got one ` +
          'without a transaction.',
      );
      await expect(serviceOn({ strategy: 'lease' }).run('k', use)).rejects.toThrow(/got one without a transaction/);
      const other = kind === POSTGRES ? MARIADB : POSTGRES;
      await expect(
        serviceOn({ strategy: 'transaction' }).run('k', (lock) => other.transactionOf(lock)),
      ).rejects.toThrow(
        `a lock of ${other.name} with the strategy "transaction" or "optimistic", got one of ${kind.name}.`,
      );
      await memory.close();
    });

    test('of a lock that is over, of a handle, of what is no lock', async () => {
      const service = serviceOn({ strategy: 'transaction' });
      const over = await service.run('k', (lock) => lock);
      expect(() => use(over)).toThrow(LockLostError);
      const handle = await service.acquire('k');
      expect(() => use(handle)).toThrow(/cannot be used with a handle of acquire\(\) or tryAcquire\(\)/);
      await handle.release();
      expect(() => use({} as Lock)).toThrow(LockConfigError);
      expect(() => use(undefined as unknown as Lock)).toThrow(/Expected transactionOf\(\) to be given the lock/);
    });
  });

  test('keys with all kinds of characters, long ones and labels', async () => {
    const service = serviceOn({});
    const keys = [
      "o'key",
      'back\\slash',
      'nul\u0000',
      'ünï 🎟',
      '"; DROP TABLE nestlock; --',
      'x'.repeat(1_024),
      '%',
      '?',
      '$1',
    ];
    const locks = await Promise.all(keys.map((key) => service.acquire(key, { label: key.slice(0, 256) })));
    for (const key of keys) expect(await service.tryAcquire(key)).toBeNull();
    await Promise.all(locks.map((lock) => lock.release()));
    expect(await service.tryAcquire("o'ke")).not.toBeNull();
  });
});
