import { DATABASES } from './databases';
import { useDatabase, waited } from './support';

describe('PostgreSQL: a user who does not see his own transactions in pg_stat_activity', () => {
  const database = DATABASES[0]!;
  const on = useDatabase(database);

  it('transaction: the boot warns, and one who waits keeps his place', async () => {
    await on().query(
      'CREATE ROLE owner',
      'GRANT CREATE, USAGE ON SCHEMA public TO owner',
      "CREATE ROLE guest LOGIN PASSWORD 'guest' IN ROLE owner",
      'ALTER ROLE guest SET role = owner',
    );
    const strategy = 'transaction';
    const url = Object.assign(new URL(on().server.url), { username: 'guest', password: 'guest' }).href;
    const warnings: string[] = [];
    const locks = await on().service({ strategy, url }, { warn: (message) => warnings.push(message) });
    expect(warnings).toEqual([expect.stringMatching(/pg_stat_activity.*GRANT pg_read_all_stats/)]);
    const holder = await on().service({ strategy });
    const held = await holder.acquire('k');
    const waiting = locks.acquire('k', { ttl: 3_000 });
    await waited('k');
    const [first] = await on().waiting();
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // it has been looked at twice
    expect(await on().waiting()).toEqual([first]);
    await held.release();
    await (await waiting).release();
  });
});
