import { until } from '../servers/until';
import { DATABASES } from './databases';
import { useDatabase } from './support';

describe.each(DATABASES)('$name, optimistic', (database) => {
  const on = useDatabase(database);

  const number = async (): Promise<number> => {
    const [row] = await on().query('SELECT number FROM counters');
    return Number(row!['number']);
  };

  beforeEach(() => on().query("INSERT INTO counters VALUES ('c', 0)"));

  it('20 racers who have all read the same: one is committed, and nothing that the others wrote', async () => {
    const locks = await on().service({
      strategy: 'optimistic',
      attempts: 1,
      maxConnections: 20,
      pool: on().pool(25).pool,
    });
    let inside = 0;
    const race = Array.from({ length: 20 }, (_, i) =>
      locks.run('c', async (lock) => {
        inside++;
        await until('all to be there', () => inside === 20);
        await on().write(lock, `racer ${i}`);
      }),
    );
    const outcomes = await Promise.allSettled(race);
    const failed = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    expect(failed).toHaveLength(19);
    for (const error of failed) expect(error).toMatchObject({ code: 'LOCK_CONFLICT', attempts: 1, key: 'c' });
    expect(await on().written()).toEqual([`racer ${outcomes.findIndex(({ status }) => status === 'fulfilled')}`]);
  });

  it('20 racers from two processes who try again: no update is lost', async () => {
    const services = await Promise.all(
      [1, 2].map(() =>
        on().service({ strategy: 'optimistic', attempts: 1_000, maxConnections: 10, pool: on().pool(15).pool }),
      ),
    );
    let runs = 0;
    const increment = (_: unknown, i: number): Promise<void> =>
      services[i % 2]!.run('c', async (lock) => {
        runs++;
        const [row] = await database.through(lock, 'SELECT number FROM counters');
        await database.through(lock, `UPDATE counters SET number = ${Number(row!['number']) + 1}`);
      });
    await Promise.all(Array.from({ length: 20 }, increment));
    expect(await number()).toBe(20);
    expect(runs).toBeGreaterThanOrEqual(20);
  }, 60_000);

  it('a deadlock that the work runs into is a conflict: it is run again', async () => {
    await on().query("INSERT INTO counters VALUES ('d', 0)");
    const locks = await on().service({ strategy: 'optimistic' });
    let runs = 0;
    const both = gateFor(2);
    const work = (own: string, other: string): Promise<void> =>
      locks.run(`work ${own}`, async (lock) => {
        runs++;
        await database.through(lock, `UPDATE counters SET number = number + 1 WHERE name = '${own}'`);
        await both();
        await database.through(lock, `UPDATE counters SET number = number + 1 WHERE name = '${other}'`);
      });
    await Promise.all([work('c', 'd'), work('d', 'c')]);
    expect(runs).toBeGreaterThanOrEqual(3); // the database has chosen one of them, and again if both met once more
    expect((await on().query('SELECT number FROM counters')).map((row) => Number(row['number']))).toEqual([2, 2]);
  });

  it.each(
    database.name === 'PostgreSQL'
      ? [
          ['code', '40001'],
          ['code', '40P01'],
        ]
      : [
          ['errno', 1213],
          ['errno', 1205],
        ],
  )(
    'an error with the %s %s is a conflict, also inside of another; after the attempts it is the cause',
    async (property, value) => {
      const locks = await on().service({ strategy: 'optimistic', attempts: 3 });
      const error = new Error('of a mapper', {
        cause: Object.assign(new Error('of the driver'), { [property]: value }),
      });
      let runs = 0;
      const failing = locks.run('c', async (lock) => {
        await on().write(lock, `run ${++runs}`);
        throw error;
      });
      await expect(failing).rejects.toMatchObject({ code: 'LOCK_CONFLICT', attempts: 3, cause: error });
      expect([runs, await on().written()]).toEqual([3, []]);
    },
  );

  it('any other error ends it at once, and is passed on as it is', async () => {
    const locks = await on().service({ strategy: 'optimistic' });
    const error = Object.assign(new Error('mine'), { code: '23505', errno: 1062 });
    let runs = 0;
    const failing = locks.run('c', async (lock) => {
      await on().write(lock, `run ${++runs}`);
      throw error;
    });
    await expect(failing).rejects.toBe(error);
    expect([runs, await on().written()]).toEqual([1, []]);
  });
});

/** Resolves to all who wait as soon as there are so many; from then on at once. */
function gateFor(count: number): () => Promise<void> {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return () => {
    if (--count === 0) open();
    return opened;
  };
}
