import { until } from '../servers/until';
import { DATABASES } from './databases';
import { TRANSACTIONAL, useDatabase } from './support';

/** In ms. */
const TTL = 4_000;

describe.each(DATABASES)('$name', (database) => {
  const on = useDatabase(database);

  it.each(TRANSACTIONAL)(
    '%s: a single statement that takes longer than the ttl does not cost the lock',
    async (strategy) => {
      const locks = await on().service({ strategy }, { ttl: TTL });
      const seen: boolean[] = [];
      await locks.run('k', async (lock) => {
        const timer = setInterval(() => seen.push(lock.held), 100);
        await database.through(lock, database.sleep((TTL * 1.5) / 1_000));
        clearInterval(timer);
        await on().write(lock, 'word');
      });
      expect(new Set(seen)).toEqual(new Set([true]));
      expect(await on().written()).toEqual(['word']);
    },
  );

  it('transaction: and nobody else gets it meanwhile', async () => {
    const [locks, other] = [
      await on().service({ strategy: 'transaction' }, { ttl: TTL }),
      await on().service({ strategy: 'transaction' }),
    ];
    let [isIn, isOver] = [false, false];
    const running = locks.run('k', async (lock) => {
      isIn = true;
      await database.through(lock, database.sleep((TTL * 1.5) / 1_000));
      isOver = true;
      return lock.fencingToken;
    });
    await until('the work', () => isIn);
    const next = other.run('k', (lock) => {
      expect(isOver).toBe(true);
      return lock.fencingToken;
    });
    expect(await next).toBeGreaterThan(await running);
  });

  it.each(TRANSACTIONAL)('%s: work that says nothing for longer than the ttl does not, either', async (strategy) => {
    const locks = await on().service({ strategy }, { ttl: TTL });
    await locks.run('k', async (lock) => {
      await on().write(lock, 'before');
      await new Promise((resolve) => setTimeout(resolve, TTL * 1.5));
      expect(lock.held).toBe(true);
      await on().write(lock, 'later');
    });
    expect(await on().written()).toEqual(['before', 'later']);
  });
});
