import { DATABASES } from './databases';
import { EXCLUSIVE, TRANSACTIONAL, useDatabase } from './support';

const HOUR = 3_600_000;

describe.each(DATABASES)('$name: the clock of the server is set back by an hour', (database) => {
  const on = useDatabase(database, { movableClock: true });
  afterEach(() => on().server.setClock(0));

  it.each(EXCLUSIVE)('%s: tokens increase, from one process to the next as well', async (strategy) => {
    const [one, other] = [await on().service({ strategy }), await on().service({ strategy })];
    const tokens: bigint[] = [];
    for (const offset of [0, -HOUR, -2 * HOUR, -HOUR, 0]) {
      on().server.setClock(offset);
      for (const locks of [one, other]) await locks.run('k', ({ fencingToken }) => tokens.push(fencingToken));
      const later = await on().service({ strategy });
      await later.run('k', ({ fencingToken }) => tokens.push(fencingToken));
    }
    expect(tokens).toHaveLength(15);
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => (a < b ? -1 : 1)));
  });

  it('lease: while it is held: it stays so, and nobody else has it', async () => {
    const [holder, other] = [await on().service({}, { ttl: 5_000 }), await on().service()];
    const lock = await holder.acquire('k');
    on().server.setClock(-HOUR);
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    expect(lock.held).toBe(true);
    expect(await other.tryAcquire('k')).toBeNull();
    await lock.release();
    const next = await other.acquire('k', { waitTimeout: '20s' });
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    await next.release();
  });

  it.each(TRANSACTIONAL)('%s: while it is held: it is committed', async (strategy) => {
    // For longer than its ttl it cannot be tried: under libfaketime, timeouts of PostgreSQL come too early then.
    const locks = await on().service({ strategy });
    await locks.run('k', async (lock) => {
      await on().write(lock, 'before');
      on().server.setClock(-HOUR);
      await on().write(lock, 'after');
    });
    expect(await on().written()).toEqual(['after', 'before']);
    await locks.run('k', () => undefined);
  });
});
