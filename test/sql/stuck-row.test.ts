import { until } from '../servers/until';
import { DATABASES } from './databases';
import { useDatabase } from './support';

/** In ms. */
const TTL = 5_000;
const commandTimeout = 2_000;

describe.each(DATABASES)('$name', (database) => {
  const on = useDatabase(database);
  const key = database.name === 'PostgreSQL' ? 'key' : '`key`';

  it('lease: an open transaction of an operator that has a row costs only the lock of that row', async () => {
    const pool = on().pool(4);
    const locks = await on().service({ pool: pool.pool, commandTimeout }, { ttl: TTL });
    const waiter = await on().service({ commandTimeout }, { ttl: TTL, waitTimeout: 5 * TTL });
    const others = await Promise.all(['a', 'b', 'd', 'e', 'f'].map((name) => locks.acquire(name)));
    const stuck = await locks.acquire('c');
    const operator = await on().pool(1).connect();
    await operator.query(database.begin);
    await operator.query(`SELECT * FROM nestlock WHERE ${key} = 'lease:nestlock:c' FOR UPDATE`);
    try {
      const waiting = waiter.acquire('c').catch((error: unknown) => error);
      await until('the loss', () => !stuck.held);
      await new Promise((resolve) => setTimeout(resolve, 1.5 * TTL));
      expect(others.map(({ held }) => held)).toEqual([true, true, true, true, true]);
      const busy = (await on().query(database.sessions)).filter(
        ({ query, state }) => query && /active|Query/.test(`${state}`),
      );
      expect(busy.length).toBeLessThanOrEqual(2);
      await waiting;
      await until('the end of all statements', async () => (await on().ids(...database.transactions)).length === 1);
    } finally {
      await operator.query('ROLLBACK');
      operator.release();
    }
    await Promise.all([...others, stuck].map((lock) => lock.release()));
  });
});
