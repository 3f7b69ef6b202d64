import type { Lock } from '../../lib/core/lock';
import { until } from '../servers/until';
import { queued, serviceOn, timed, told, TTL, useRedis } from './support';

const HOUR = 3_600_000;
const redis = useRedis({ movableClock: true });
afterEach(() => redis.server.setClock(0));

describe.each([
  ['forward', HOUR],
  ['back', -HOUR],
])('the clock of the server is set %s by an hour', (_, jump) => {
  it('tokens increase, and waiters get their turn', async () => {
    const { server } = redis;
    const [one, other, shared] = [
      await serviceOn(server.url),
      await serviceOn(server.url),
      await serviceOn(server.url),
    ];
    const lock = await one.acquire('k');
    const tokens = [lock.fencingToken];
    const note = ({ fencingToken }: Lock): number => tokens.push(fencingToken);
    const waiting = [other.run('k', note)];
    await queued(server, 'k', 1);
    waiting.push(shared.run('k', note, { mode: 'shared' }));
    await queued(server, 'k', 2);
    server.setClock(jump);
    const took = await timed(async () => {
      if (jump < 0) await lock.release();
      await Promise.all(waiting);
      if (jump > 0) await until('the news', () => lock.signal.aborted);
    });
    expect(took).toBeLessThan(3 * TTL + 15_000);
    server.setClock(0);
    await one.run('k', note);
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => (a < b ? -1 : 1)));
    expect(tokens).toHaveLength(4);
  });

  it.each(['exclusive', 'shared'] as const)('what is held stays so or ends in LockLostError: %s', async (mode) => {
    const { server } = redis;
    const ttl = 6_000;
    const locks = await serviceOn(server.url, { ttl });
    const lock = await locks.acquire('k', { mode });
    server.setClock(jump);
    if (jump > 0) {
      await until('the news', () => lock.signal.aborted);
      expect(lock.signal.reason).toMatchObject({ name: 'LockLostError', reason: 'stolen' });
    } else {
      await new Promise((resolve) => setTimeout(resolve, ttl * 0.7));
      expect(lock.held).toBe(true);
      // A renewal makes good what the clock has added.
      const left = await server.command('pttl', mode === 'exclusive' ? '{nestlock:k}' : '{nestlock:k}:shared');
      expect(left).toBeGreaterThan(0);
      if (mode === 'exclusive') expect(left).toBeLessThanOrEqual(ttl);
    }
    await lock.release();
    await locks.run('k', () => undefined);
  });
});

it('a grant right after the clock was set forward is not believed to last for longer than it does', async () => {
  const { server } = redis;
  const ttl = 20_000;
  const [holder, waiter] = [await serviceOn(server.url, { ttl }), await serviceOn(server.url, { ttl })];
  await waiter.run('other', () => undefined);
  const lock = await holder.acquire('k');
  const waiting = waiter.acquire('k');
  await told(server, 'k');
  server.setClock(850); // of a second, after which it would be on trial
  await lock.release();
  const next = await waiting;
  const left = (await server.command('pttl', '{nestlock:k}')) as number;
  expect(next.remainingTime()).toBeLessThanOrEqual(left);
  expect(next.remainingTime()).toBeGreaterThan(0);
  await next.release();
});
