import { setTimeout as sleep } from 'node:timers/promises';
import { checkStays } from '../processes/stays';
import { wrongClock } from '../servers/clock';
import { DATABASES } from './databases';
import { EXCLUSIVE, timed, TRANSACTIONAL, TTL, useDatabase, waited } from './support';

const KEYS = Array.from({ length: 20 }, (_, i) => `k${i}`);
const HOUR = 3_600_000;

describe.each(DATABASES)('$name', (database) => {
  const on = useDatabase(database);
  const writes = (word: string): string => `INSERT INTO writes VALUES ('${word}')`;

  describe('a process that is killed', () => {
    it.each(TRANSACTIONAL)('%s: what it wrote is not there, and nobody waits for its ttl', async (strategy) => {
      const [holder, next] = await Promise.all([on().worker({ strategy }), on().service({ strategy })]);
      await holder.ask('enter', 'k', [writes('lost')]);
      const waiting = next.run('k', (lock) => on().write(lock, 'next'));
      await holder.kill();
      expect(await timed(() => waiting)).toBeLessThan(15_000); // of 30 s
      expect(await on().written()).toEqual(['next']);
    });

    it('transaction: while it waits, it is passed over', async () => {
      const strategy = 'transaction';
      const [holder, dying, next] = await Promise.all([
        on().service({ strategy }),
        on().worker({ strategy }),
        on().service({ strategy }),
      ]);
      const lock = await holder.acquire('k');
      void dying.ask('acquire', 'k', {});
      await on().waiting();
      const waiting = next.acquire('k');
      await on().waiting(2);
      await dying.kill();
      await lock.release();
      expect(await timed(() => waiting)).toBeLessThan(15_000);
      await (await waiting).release();
    });

    it('lease: the next one has the lock when its ttl has run out, and a greater token', async () => {
      const [holder, next] = await Promise.all([on().worker({}, { ttl: 4 * TTL }), on().service()]);
      const token = await holder.ask('acquire', 'k', {});
      const waiting = next.acquire('k');
      await waited('k');
      await holder.kill();
      expect(await timed(() => waiting)).toBeLessThan(4 * TTL + 5_000);
      const lock = await waiting;
      expect(lock.fencingToken).toBeGreaterThan(BigInt(token));
      await lock.release();
    });
  });

  describe('a process that is stopped beyond its ttl', () => {
    it.each(TRANSACTIONAL)('%s: its session ends, its late writes fail, and its run rejects', async (strategy) => {
      const [holder, next] = await Promise.all([on().worker({ strategy }, { ttl: TTL }), on().service({ strategy })]);
      await holder.ask('enter', 'k', [writes('lost')]);
      holder.signal('SIGSTOP');
      if (strategy === 'transaction') await next.run('k', (lock) => on().write(lock, 'next'));
      await on().nobodyIn();
      holder.signal('SIGCONT');
      await expect(holder.ask('leave', 'k', [writes('late')])).rejects.toMatchObject({ name: 'LockLostError' });
      expect(await on().written()).toEqual(strategy === 'transaction' ? ['next'] : []);
    });

    it.each(EXCLUSIVE)('%s: it finds its lock lost at its first step, and tokens increase', async (strategy) => {
      const ttl = 5 * TTL;
      const [holder, next] = await Promise.all([on().worker({ strategy }, { ttl }), on().service({ strategy })]);
      const token = await holder.ask('acquire', 'k', {});
      const firstStep = holder.ask('stall', 'k', ttl / 2);
      await holder.ask('find', 'k'); // it has begun
      holder.signal('SIGSTOP');
      const lock = await next.acquire('k');
      expect(lock.fencingToken).toBeGreaterThan(BigInt(token));
      holder.signal('SIGCONT');
      expect(await firstStep).toMatchObject({ held: false, remaining: 0, error: 'LockLostError' });
      await holder.ask('release', 'k');
      expect(lock.held).toBe(true);
      await lock.release();
    });
  });

  it.each(EXCLUSIVE)(
    '%s: two processes with pools of 5: nobody meets, and the server counts no more connections',
    async (strategy) => {
      const options = { strategy, options: database.sized(5) };
      const workers = await Promise.all([1, 2].map(() => on().worker(options, { waitTimeout: '60s' })));
      const jobs = [...KEYS, ...KEYS].map((key) => ({ key, sections: 2, options: {} }));
      const all = Promise.all(workers.map((worker) => worker.ask('load', jobs)));
      let isDone = false;
      const done = (): void => void (isDone = true);
      all.then(done, done);
      const eye = await on().pool(1).connect();
      try {
        for (; !isDone; await sleep(20)) {
          expect((await eye.query(database.sessions)).length).toBeLessThanOrEqual(10);
        }
      } finally {
        eye.release();
      }
      const stays = (await all).flat();
      expect(stays).toHaveLength(2 * 40 * 2);
      for (const key of KEYS) {
        checkStays(
          stays.filter((stay) => stay.key === key),
          0,
        );
      }
    },
    90_000,
  );

  it.each(EXCLUSIVE)('%s: a process whose clock is wrong by an hour excludes, and is excluded', async (strategy) => {
    const [here, ...workers] = await Promise.all([
      on().service({ strategy }),
      ...[HOUR, -HOUR].map(async (offset) => on().worker({ strategy }, {}, await wrongClock(offset))),
    ]);
    const tokens: bigint[] = [];
    for (const worker of [...workers, ...workers]) {
      const lock = await here.acquire('k');
      tokens.push(lock.fencingToken);
      expect(await worker.ask('tryAcquire', 'k')).toBeUndefined();
      await lock.release();
      tokens.push(BigInt(await worker.ask('acquire', 'k', {})));
      expect(await here.tryAcquire('k')).toBeNull();
      const { held, remaining } = await worker.ask('find', 'k');
      expect(held).toBe(true);
      expect(remaining).toBeLessThan(30_000);
      await worker.ask('release', 'k');
    }
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => (a < b ? -1 : 1)));
  });
});
