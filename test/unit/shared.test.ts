import type { RunOptions } from '../../lib/core/options';
import { TTL, begin, track, withMemory, withScript } from './support';

const exclusive: RunOptions = {};
const shared: RunOptions = { mode: 'shared' };
const two: RunOptions = { permits: 2 };
const one: RunOptions = { permits: 1 };

const matrix: [string, RunOptions[], RunOptions, boolean][] = [
  ['exclusive, exclusive', [exclusive], exclusive, false],
  ['exclusive, shared', [exclusive], shared, false],
  ['exclusive, permits', [exclusive], two, false],
  ['shared, exclusive', [shared], exclusive, false],
  ['shared, shared', [shared], shared, true],
  ['many shared, shared', [shared, shared, shared, shared], shared, true],
  ['permits 2: one holder', [two], two, true],
  ['permits 2: two holders', [two, two], two, false],
  ['permits 2: exclusive', [two], exclusive, false],
  ['permits 1 is a mutex', [one], one, false],
  ['the claim’s own limit counts holders without one', [shared, shared], two, false],
  ['a holder’s limit counts claims without one', [two, two], shared, false],
  ['a holder’s limit leaves room', [two], shared, true],
  ['the smallest limit counts', [one], two, false],
];

describe.each(['one process', 'two processes'])('who gets along with whom (%s)', (where) => {
  test.each(matrix)('%s', async (_, held, wanted, granted) => {
    const { clock, backend, locks } = withMemory();
    const claimant = where === 'one process' ? locks : withMemory({ backend }).locks;
    const holders = held.map((options) => begin(locks, 'k', options));
    await clock.advance(0);
    expect(holders.every(({ isRunning }) => isRunning)).toBe(true);

    const attempt = await claimant.tryAcquire('k', wanted);
    expect(attempt !== null).toBe(granted);
    const waiting = track(claimant.acquire('k', { ...wanted, waitTimeout: 100 }));
    await attempt?.release();
    await clock.advance(100);
    expect(waiting.state).toBe(granted ? 'fulfilled' : 'rejected');
    if (!granted) expect(waiting.error).toMatchObject({ code: 'LOCK_TIMEOUT' });
  });
});

test('a semaphore never lets more in than it has permits, and lets them in in order', async () => {
  const { clock, locks } = withMemory();
  const sections = Array.from({ length: 7 }, () => begin(locks, 'k', { permits: 3 }));
  await clock.advance(0);
  const running = () => sections.flatMap((section, i) => (section.isRunning ? [i] : []));
  expect(running()).toEqual([0, 1, 2]);
  sections[1]!.finish();
  await clock.advance(0);
  expect(running()).toEqual([0, 2, 3]);
  sections[0]!.finish();
  sections[2]!.finish();
  await clock.advance(0);
  expect(running()).toEqual([3, 4, 5]);
});

test('permits become shared claims with that limit; exclusive ones have one', async () => {
  const { backend, locks } = withScript();
  backend.grantAll();
  await locks.run('k', () => {});
  await locks.run('k', () => {}, shared);
  await locks.run('k', () => {}, { permits: 3 });
  await locks.run('k', () => {}, { permits: 3, mode: 'shared' });
  expect(backend.claims.map(({ claim }) => [claim.mode, claim.permits])).toEqual([
    ['exclusive', 1],
    ['shared', Infinity],
    ['shared', 3],
    ['shared', 3],
  ]);
});

test('as many claims wait as there are shared callers, at most one per permit', async () => {
  const { clock, backend, locks } = withScript();
  backend.onAcquire = (claim) => claim.contended();
  for (let i = 0; i < 5; i++) begin(locks, 'all', shared);
  for (let i = 0; i < 5; i++) begin(locks, 'some', { permits: 2 });
  await clock.advance(0);
  const keys = backend.claims.map(({ claim }) => claim.key);
  expect(keys.filter((key) => key === 'nestlock:all')).toHaveLength(5);
  expect(keys.filter((key) => key === 'nestlock:some')).toHaveLength(2);
});

test('shared holders are renewed, lost and released each on its own', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  const [a, b] = [begin(locks, 'k', shared), begin(locks, 'k', shared)];
  await clock.advance(TTL / 3);
  backend.renewals[0]!.answerWith(null, clock.now() + TTL);
  await clock.advance(0);
  expect([a.lock.held, b.lock.held]).toEqual([false, true]);
  b.finish();
  await clock.advance(0);
  expect(backend.grants.map(({ outcomes }) => outcomes.length)).toEqual([0, 1]);
});

test('a crashed holder’s place is free when its time ends (two processes)', async () => {
  const { clock, backend, locks } = withMemory();
  const { locks: other } = withMemory({ backend });
  jest.spyOn(backend, 'renew').mockImplementation(() => new Promise(() => {}));
  const crashed = begin(locks, 'k', { permits: 1, ttl: '5s' });
  await clock.advance(0);
  const next = begin(other, 'k', { permits: 1 });
  await clock.advance(4_999);
  expect(next.isRunning).toBe(false);
  await clock.advance(1);
  expect(next.isRunning).toBe(true);
  expect(crashed.lock.held).toBe(false);
});
