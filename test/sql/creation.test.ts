import { DATABASES } from './databases';
import { EXCLUSIVE, STRATEGIES, useDatabase } from './support';

describe.each(DATABASES)('$name', (database) => {
  const on = useDatabase(database);

  it.each(STRATEGIES)(
    '%s: ten backends and three processes make the table at the same time',
    async (strategy) => {
      const table = `made_for_${strategy}`;
      const workers = await Promise.all([1, 2, 3].map(() => on().worker({ strategy: 'lease', table })));
      const services = Array.from({ length: 10 }, () => on().unopened({ strategy, table }));
      const all = await Promise.all([
        ...services.map((locks, i) => locks.run(`k${i}`, () => 'done')),
        ...workers.map(async (worker, i) => {
          await worker.ask('acquire', `w${i}`, {});
          await worker.ask('release', `w${i}`);
          return 'done';
        }),
      ]);
      expect(all).toEqual(Array<string>(13).fill('done'));
      expect(await on().query(`SELECT * FROM ${table}`)).toHaveLength(13);
    },
    60_000,
  );

  it.each(EXCLUSIVE)(
    '%s: the first ones to ask for a key at the same time have it one after the other',
    async (strategy) => {
      const services = Array.from({ length: 5 }, () => on().unopened({ strategy, table: `first_${strategy}` }));
      let inside = 0;
      const tokens = await Promise.all(
        services.map((locks) =>
          locks.run('k', async (lock) => {
            expect(++inside).toBe(1);
            await new Promise((resolve) => setTimeout(resolve, 5));
            inside--;
            return lock.fencingToken;
          }),
        ),
      );
      expect(new Set(tokens).size).toBe(5);
    },
  );
});
