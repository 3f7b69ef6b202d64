import { setTimeout as sleep } from 'node:timers/promises';
import type { Lock } from '../../lib/core/lock';
import type { Connection, TcpProxy } from '../servers/proxy';
import { until } from '../servers/until';
import { DATABASES } from './databases';
import { EXCLUSIVE, STRATEGIES, TRANSACTIONAL, TTL, useDatabase, waited } from './support';

/** On these connections nothing is heard of the other side any more; others work. */
function silence(proxy: TcpProxy, which: (connection: Connection) => boolean): void {
  const dead = new Set<Connection>();
  proxy.cut((each) => which(each) && !dead.add(each)); // cuts none
  proxy.drop('both', (each) => dead.has(each));
}

describe.each(DATABASES)('$name', (database) => {
  const on = useDatabase(database);

  it.each(EXCLUSIVE)(
    '%s: the connections of a holder die silently: it is over before another has it',
    async (strategy) => {
      const proxy = await on().proxy();
      const ttl = 3 * TTL;
      const [holder, next] = [
        await on().service({ url: proxy.url, strategy, commandTimeout: '3s' }, { ttl }),
        await on().service({ strategy }, { ttl }),
      ];
      const lock = await holder.acquire('k');
      const waiting = next.run('k', (other) => ({
        token: other.fencingToken,
        held: lock.held,
        aborted: lock.signal.aborted,
      }));
      silence(proxy, () => true);
      const seen = await waiting;
      expect(seen).toMatchObject({ held: false, aborted: true });
      expect(seen.token).toBeGreaterThan(lock.fencingToken);
      await lock.release();
      await proxy.restore();
    },
  );

  it.each(TRANSACTIONAL)('%s: then run does not say that it succeeded, and nothing is there', async (strategy) => {
    const proxy = await on().proxy();
    const locks = await on().service({ url: proxy.url, strategy, commandTimeout: '3s' }, { ttl: 3 * TTL });
    const run = locks.run('k', async (lock) => {
      await on().write(lock, 'lost');
      silence(proxy, () => true);
      await until('the loss', () => lock.signal.aborted);
    });
    await expect(run).rejects.toMatchObject({ name: expect.stringMatching(/^Lock(Lost|Transaction)Error$/) });
    await on().nobodyIn();
    expect(await on().written()).toEqual([]);
    await proxy.restore();
  });

  it('transaction: the connection of a waiter dies silently: all others are served, and so is it', async () => {
    const proxy = await on().proxy();
    const strategy = 'transaction';
    const [holder, waiter, third] = [
      await on().service({ strategy }),
      await on().service({ url: proxy.url, strategy }, { ttl: TTL }),
      await on().service({ strategy }),
    ];
    const lock = await holder.acquire('k');
    const served: string[] = [];
    const waiting = waiter.run('k', () => served.push('waiter'));
    await on().waiting();
    const behind = third.run('k', () => served.push('third'));
    await on().waiting(2);
    silence(proxy, ({ sent }) => /FOR UPDATE(?! SKIP)/.test(sent));
    await lock.release();
    await Promise.all([behind, waiting]);
    expect(served.sort()).toEqual(['third', 'waiter']);
    await proxy.restore();
  });

  it('lease: the connections of a waiter die silently: it has the lock all the same', async () => {
    const proxy = await on().proxy();
    const [holder, waiter] = [
      await on().service(),
      await on().service({ url: proxy.url, commandTimeout: '3s', options: database.sized(2) }),
    ];
    const lock = await holder.acquire('k');
    const waiting = waiter.acquire('k');
    await waited('k');
    silence(proxy, () => true);
    await lock.release();
    await (await waiting).release();
    await proxy.restore();
  });

  it.each(STRATEGIES)('%s: a pool whose connections have all died silently works again by itself', async (strategy) => {
    const proxy = await on().proxy();
    const locks = await on().service({
      ...{ url: proxy.url, strategy, commandTimeout: '2s', options: database.sized(2) },
      ...(strategy !== 'lease' && { maxConnections: 2 }),
    });
    const both = (): Promise<unknown> => Promise.all(['a', 'b'].map((key) => locks.run(key, () => true)));
    await until('two connections', async () => (await both()) && proxy.connections === 2);
    await sleep(300); // until they are back in the pool
    const dead = await on().ids(database.sessions);
    silence(proxy, () => true);
    await until('locks', both, 40_000);
    const isNew = (id: unknown): boolean => !dead.includes(id);
    await until(
      'new connections',
      async () => (await both()) && (await on().ids(database.sessions)).filter(isNew).length >= 2,
    );
    await proxy.restore();
  });

  it.each(STRATEGIES)('%s: what was held up arrives late, and nothing is left behind', async (strategy) => {
    const proxy = await on().proxy();
    const locks = await on().service({ url: proxy.url, strategy, commandTimeout: '2s' });
    await until('a lock', () => locks.run('k', () => true));
    proxy.hold('requests');
    const isIn = jest.fn();
    await expect(locks.run('k', isIn)).rejects.toMatchObject({ name: 'LockUnavailableError' });
    await proxy.restore();
    const direct = await on().service({ strategy });
    await direct.run('k', (lock: Lock) => expect(lock.held).toBe(true), { waitTimeout: '15s' });
    expect(isIn).not.toHaveBeenCalled();
  });
});
