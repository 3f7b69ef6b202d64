import { until } from '../servers/until';
import type { Lock } from '../../lib/core/lock';
import { DATABASES } from './databases';
import { EXCLUSIVE, STRATEGIES, TTL, useDatabase, waited } from './support';

describe.each(DATABASES)('$name', (database) => {
  const on = useDatabase(database);
  const deleteRow = ['DELETE FROM nestlock'];
  const dropTable = ['DROP TABLE nestlock'];
  const everything = [
    ...dropTable,
    ...(database.name === 'PostgreSQL' ? ['DROP SEQUENCE IF EXISTS nestlock_fence'] : []),
  ];
  const deeds = [
    ['the row', deleteRow],
    ['the table', dropTable],
    ...(database.name === 'PostgreSQL'
      ? ([
          ['the sequence', ['DROP SEQUENCE IF EXISTS nestlock_fence']],
          ['the table and the sequence', everything],
        ] as const)
      : []),
  ] as const;

  describe.each(deeds)('an operator deletes %s', (_, deed) => {
    it.each(EXCLUSIVE)('%s: between two locks: tokens increase', async (strategy) => {
      const [one, other] = [await on().service({ strategy }), await on().service({ strategy })];
      const tokens: bigint[] = [];
      for (const locks of [one, other, one, other, one]) {
        await locks.run('k', ({ fencingToken }) => tokens.push(fencingToken));
        await on().query(...deed);
      }
      expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => (a < b ? -1 : 1)));
    });
  });

  it('optimistic: an operator deletes the row under the work, which is run again', async () => {
    const locks = await on().service({ strategy: 'optimistic' });
    await locks.run('k', () => undefined);
    let runs = 0;
    await locks.run('k', async () => {
      if (++runs === 1) await on().query(...deleteRow);
    });
    expect(runs).toBe(2);
  });

  it('transaction: an operator deletes the row, which waits for the holder: tokens increase', async () => {
    const strategy = 'transaction';
    const [holder, waiter] = [await on().service({ strategy }), await on().service({ strategy })];
    const lock = await holder.acquire('k');
    const deleted = on().query(...deleteRow);
    await on().blocked();
    const waiting = waiter.acquire('k');
    await on().waiting();
    expect(lock.held).toBe(true);
    await lock.release();
    await deleted;
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    await next.release();
  });

  it.each(deeds.slice(1))(
    'transaction: an operator deletes %s, which waits for all: tokens increase',
    async (_, deed) => {
      const strategy = 'transaction';
      const services = [await on().service({ strategy }), await on().service({ strategy })];
      const lock = await services[0]!.acquire('k');
      const waiting = services[1]!.acquire('k');
      await on().waiting();
      const deleted = on().query(...deed);
      await on().blocked();
      expect(lock.held).toBe(true);
      await lock.release();
      const next = await waiting;
      expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
      await next.release();
      await deleted;
      for (const locks of services) {
        const token = await locks.run('k', ({ fencingToken }) => fencingToken);
        expect(token).toBeGreaterThan(next.fencingToken);
      }
    },
  );

  describe.each([
    ['the row', deleteRow],
    ['the table', dropTable],
  ])('lease: an operator deletes %s while it is held', (_, deed) => {
    it('the holder is told, and the waiter has the lock with a greater token', async () => {
      const [holder, waiter] = [await on().service({}, { ttl: 6 * TTL }), await on().service({}, { ttl: 6 * TTL })];
      const lock = await holder.acquire('k');
      const waiting = waiter.acquire('k');
      await waited('k');
      await on().query(...deed);
      const next = await waiting;
      expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
      await until('the news', () => lock.signal.aborted);
      expect(lock.signal.reason).toMatchObject({ name: 'LockLostError', reason: 'stolen' });
      await lock.release();
      expect(next.held).toBe(true);
      await next.release();
    });
  });

  it('optimistic: an operator deletes the row meanwhile: the body is run again', async () => {
    const locks = await on().service({ strategy: 'optimistic' });
    let runs = 0;
    await locks.run('k', async (lock) => {
      await on().write(lock, `run ${++runs}`);
      if (runs === 1) await on().query(...deleteRow);
    });
    expect(await on().written()).toEqual(['run 2']);
  });

  describe('a database that can only be read', () => {
    beforeAll(() => on().query(...database.newUser));
    afterEach(() => on().query(...database.readOnly.off));

    it.each(STRATEGIES)('%s: that is said, and it works again afterwards', async (strategy) => {
      const url = new URL(on().server.url);
      [url.username, url.password] = ['app', 'app'];
      const work = async (lock: Lock): Promise<unknown> => {
        return strategy === 'lease' ? undefined : database.through(lock, 'UPDATE counters SET number = number + 1');
      };
      const locks = await on().service({ url: url.href, strategy });
      await locks.run('k', work);
      await on().query(...database.readOnly.on);
      const error: unknown = await until('a refusal', () =>
        locks.run('k', work).then(
          () => undefined,
          (thrown: unknown) => thrown,
        ),
      );
      expect(error).toHaveProperty('message', expect.stringMatching(/read.only/i));
      if (strategy !== 'optimistic') expect(error).toHaveProperty('name', 'LockUnavailableError');
      const opened = await on()
        .service({ url: url.href, strategy })
        .catch((thrown: Error) => thrown.message);
      if (typeof opened === 'string') expect(opened).toMatch(/read.only/i);
      await on().query(...database.readOnly.off);
      await until('a lock', () => locks.run('k', () => true));
    });
  });
});
