import { until } from '../servers/until';
import type { Row } from './databases';
import { DATABASES } from './databases';
import type { UserConnection, UserPool } from './databases';
import { EXCLUSIVE, TRANSACTIONAL, useDatabase } from './support';

/** All connections of a pool, each with its settings and what is left on it. */
async function lookAt(pool: UserPool, size: number, settings: string, leftovers: string) {
  const connections: UserConnection[] = [];
  for (let i = 0; i < size; i++) connections.push(await pool.connect());
  try {
    return await Promise.all(
      connections.map(async (connection) => ({
        settings: asObject(await connection.query(settings)),
        leftovers: await connection.query(leftovers),
        listeners: connection.listeners,
      })),
    );
  } finally {
    for (const connection of connections) connection.release();
  }
}

function asObject(rows: readonly Row[]): Row {
  return Object.fromEntries(rows.map(({ name, value }) => [String(name), value]));
}

const SIZE = 4;

describe.each(DATABASES)('$name: what goes back to a pool that is not ours', (database) => {
  const on = useDatabase(database);

  it.each([...EXCLUSIVE, 'optimistic' as const])(
    '%s: is as it was, however the work has ended',
    async (strategy) => {
      const pool = on().pool(SIZE);
      const fresh = await lookAt(pool, SIZE, database.settings, database.leftovers);
      const others = await on().service({ strategy: strategy === 'lease' ? 'lease' : 'transaction' });
      const locks = await on().service({
        strategy,
        pool: pool.pool,
        ...(strategy !== 'lease' && { maxConnections: 3 }),
        ...(strategy === 'optimistic' && { attempts: 2 }),
      });
      const work = TRANSACTIONAL.includes(strategy);

      await locks.run('commit', async (lock) => work && (await on().write(lock, 'word')));
      await locks.run('fails', () => Promise.reject(new Error('mine'))).catch(() => undefined);
      if (work) {
        const statement = locks.run('failing statement', (lock) =>
          database.through(lock, 'SELECT nonsense FROM nowhere'),
        );
        await statement.catch(() => undefined);
        const running = locks.run('in the middle', async (lock) => {
          database.through(lock, database.sleep(1)).catch(() => undefined);
          throw new Error('mine');
        });
        await running.catch(() => undefined);
        const killed = locks.run('killed', async (lock) => {
          await on().kill(await on().connectionOf(lock));
          await until('the news', () => lock.signal.aborted);
        });
        await expect(killed).rejects.toMatchObject({ code: 'LOCK_LOST' });
        const ended = locks.run('ended', async (lock) => void (await database.through(lock, 'COMMIT')));
        await ended.catch(() => undefined);
      }
      if (strategy === 'optimistic') {
        const conflicts = locks.run('conflict', async () => {
          const other = await on().service({ strategy, pool: pool.pool, maxConnections: 1 });
          await other.run('conflict', () => undefined);
        });
        await conflicts.catch(() => undefined);
      } else {
        const held = await others.acquire('held');
        expect(await locks.tryAcquire('held')).toBeNull();
        await expect(locks.acquire('held', { waitTimeout: 200 })).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
        const leaving = new AbortController();
        const left = locks.acquire('held', { signal: leaving.signal });
        setTimeout(() => leaving.abort(), 100);
        await expect(left).rejects.toMatchObject({ name: 'AbortError' });
        const waiting = locks.acquire('held');
        await new Promise((resolve) => setTimeout(resolve, 100));
        await held.release();
        await (await waiting).release();
      }
      await locks
        .run('capped', () => new Promise((resolve) => setTimeout(resolve, 300)), { maxHold: 100, ttl: 1_000 })
        .catch(() => undefined);
      await locks.close();

      await until('all connections back in the pool', () => pool.total === pool.idle);
      const after = await lookAt(pool, SIZE, database.settings, database.leftovers);
      for (const connection of after) {
        expect(connection.leftovers).toEqual([]);
        expect(connection.listeners).toBe(fresh[0]!.listeners);
        expect(connection.settings).toEqual(fresh[0]!.settings);
      }
    },
    60_000,
  );

  it.each(EXCLUSIVE)(
    '%s: a transaction that the user has left open is neither used nor committed',
    async (strategy) => {
      const pool = on().pool(1);
      const locks = await on().service({
        strategy,
        pool: pool.pool,
        ...(strategy === 'transaction' && { maxConnections: 1 }),
      });
      await until('it to come back', () => pool.idle === 1);
      const connection = await pool.connect();
      await connection.query(database.begin);
      await connection.query("INSERT INTO writes VALUES ('half')");
      connection.release();
      const lock = await locks.acquire('k');
      const other = await on().service({ strategy });
      expect(await other.tryAcquire('k')).toBeNull();
      await lock.release();
      expect(await on().written()).toEqual([]);
    },
  );

  it('lease: the only connection of a pool is not kept from others while a lock is held', async () => {
    const pool = on().pool(1);
    const locks = await on().service({ strategy: 'lease', pool: pool.pool });
    const lock = await locks.acquire('k');
    expect(pool.idle).toBe(1);
    await lock.release();
  });

  it('lease: a connection that was kept for the next statement is back in a moment, without any', async () => {
    const pool = on().pool(SIZE);
    const locks = await on().service({ strategy: 'lease', pool: pool.pool });
    const lock = await locks.acquire('k');
    await until('all connections back in the pool', () => pool.total === pool.idle);
    await lock.release();
  });

  it('a setting of the user is his while his work runs, and when it comes back', async () => {
    const pool = on().pool(1);
    const [name, set] =
      database.name === 'PostgreSQL'
        ? ['lock_timeout', `SET lock_timeout = '7s'`]
        : ['innodb_lock_wait_timeout', 'SET SESSION innodb_lock_wait_timeout = 7'];
    const connection = await pool.connect();
    await connection.query(set);
    connection.release();
    const read = (rows: readonly Row[]): unknown => asObject(rows)[name] ?? asObject(rows)[name.toUpperCase()];
    const other = await on().service({ strategy: 'transaction' });
    const locks = await on().service({ strategy: 'transaction', pool: pool.pool, maxConnections: 1 });
    const held = await other.acquire('k');
    const seen = locks.run('k', async (lock) => read(await database.through(lock, database.settings)));
    await on().waiting();
    await held.release();
    expect(String(await seen)).toMatch(/^7(000)?$/);
    await until('it to come back', () => pool.idle === 1);
    const back = await pool.connect();
    expect(String(read(await back.query(database.settings)))).toMatch(/^7(000)?$/);
    back.release();
  });
});

describe('PostgreSQL', () => {
  const on = useDatabase(DATABASES[0]!);

  it('lease: what the user listens to on a connection is not ended', async () => {
    const pool = on().pool(3);
    const [holder, locks] = [await on().service(), await on().service({ pool: pool.pool })];
    const each = async (sql: string): Promise<Row[][]> => {
      const connections = [await pool.connect(), await pool.connect(), await pool.connect()];
      const answers = await Promise.all(connections.map((connection) => connection.query(sql)));
      for (const connection of connections) connection.release();
      return answers;
    };
    await until('all connections back in the pool', () => pool.total === pool.idle);
    await each('LISTEN mine');
    const held = await holder.acquire('k');
    const waiting = locks.acquire('k');
    await until('who listens', async () => {
      return (await on().ids(`${DATABASES[0]!.sessions} AND query = 'LISTEN nestlock'`)).length > 0;
    });
    await held.release();
    await (await waiting).release();
    await locks.close();
    const channels = await each('SELECT pg_listening_channels() AS channel');
    expect(channels).toEqual(Array<Row[]>(3).fill([{ channel: 'mine' }]));
  });
});
