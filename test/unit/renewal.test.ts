import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock, Timer } from '../../lib/core/clock';
import { FakeClock } from '../../lib/testing/fake-clock';
import { memoryBackend } from '../../lib/backends/memory/memory.backend';
import { LockService } from '../../lib/core/lock-service';
import { renewalAnswers } from '../../lib/core/renewal-answers';
import { TTL, begin, track, recordEvents, validity, withMemory, withScript } from './support';

test('a lock is renewed every third of its ttl while its section runs, and no longer', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll().onRenew = (renewal) => renewal.confirm();
  const start = clock.now();
  const section = begin(locks, 'k');
  await clock.advance(10 * TTL);
  const intervals = backend.renewals.map(({ sentAt }, i) => sentAt - (backend.renewals[i - 1]?.sentAt ?? start));
  expect(intervals).toHaveLength(30);
  for (const interval of intervals) expect(interval).toBeCloseTo(TTL / 3, -1);
  expect(section.lock.held).toBe(true);

  section.finish();
  await clock.advance(10 * TTL);
  expect(backend.renewals).toHaveLength(30);
  expect(clock.pending).toBe(0);
});

test('a lock outlives its ttl by being renewed (memory)', async () => {
  const { clock, locks } = withMemory();
  const section = begin(locks, 'k');
  await clock.advance(20 * TTL);
  expect(section.lock.held).toBe(true);
  await expect(locks.tryAcquire('k')).resolves.toBeNull();
});

test('locks are renewed together', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll().onRenew = (renewal) => renewal.confirm();
  for (let i = 0; i < 50; i++) {
    begin(locks, `k${i}`);
    await clock.advance(10);
  }
  await clock.advance(TTL / 3);
  expect(backend.renewals).toHaveLength(1);
  expect(backend.renewals[0]!.grants).toHaveLength(50);
});

test('a lock with a short ttl does not wait for those with a long one', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll().onRenew = (renewal) => renewal.confirm();
  begin(locks, 'long');
  const short = begin(locks, 'short', { ttl: 300 });
  await clock.advance(1_000);
  expect(short.lock.held).toBe(true);
  expect(backend.renewals).toHaveLength(10);
  for (const { grants } of backend.renewals) expect(grants.map(({ claim }) => claim.ttl)).toEqual([300]);
});

test('there is at most one renewal in flight per lock; other locks do not wait for it', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  begin(locks, 'a');
  await clock.advance(TTL / 3);
  expect(backend.renewals).toHaveLength(1);
  const b = begin(locks, 'b');
  await clock.advance(TTL / 3 + 100);
  expect(backend.renewals).toHaveLength(2);
  expect(backend.renewals[1]!.grants.map(({ claim }) => claim.key)).toEqual(['nestlock:b']);
  backend.renewals[1]!.confirm();
  await clock.advance(TTL / 3);
  expect(b.lock.held).toBe(true);
});

test.each([
  ['could not be found out', 'answer'],
  ['was rejected', 'reject'],
  ['had no answer for this lock', 'short'],
] as const)('a renewal that %s is tried again while the lock is valid', async (_, how) => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  const section = begin(locks, 'k');
  backend.onRenew = (renewal) => {
    if (how === 'answer') renewal.answerWith(undefined);
    else if (how === 'short') renewal.answerWith();
    else renewal.fail(new Error('connection lost'));
  };
  await clock.advance(validity() - 1_500);
  expect(section.lock.held).toBe(true);
  expect(backend.renewals.length).toBeGreaterThanOrEqual(4);
  expect(backend.renewals.length).toBeLessThan(20);
  backend.onRenew = (renewal) => renewal.confirm();
  await clock.advance(1_500);
  await clock.advance(TTL / 2);
  expect(section.lock.held).toBe(true);
});

test('a renewal that never succeeds ends with the lock, in time', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll().onRenew = (renewal) => renewal.answerWith(undefined);
  const section = begin(locks, 'k');
  await clock.advance(validity() - 1);
  expect(section.lock.held).toBe(true);
  await clock.advance(1);
  expect(section.lock.signal.reason).toMatchObject({ reason: 'expired' });
  const { length } = backend.renewals;
  await clock.advance(3 * TTL);
  expect(backend.renewals).toHaveLength(length);
});

test('"not ours any more" is a loss at once, for that lock only', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  const a = begin(locks, 'a');
  const b = begin(locks, 'b');
  await clock.advance(TTL / 3);
  const { signal } = a.lock;
  backend.renewals[0]!.answerWith(null, clock.now() + TTL);
  await clock.advance(0);
  expect(signal.aborted).toBe(true);
  expect(signal.reason).toMatchObject({ reason: 'stolen', key: 'a' });
  expect(b.lock.held).toBe(true);
});

test('a hanging renewal does not hide the deadline, though other locks come and go meanwhile', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll().onRenew = (renewal) => {
    if (renewal.grants.every(({ claim }) => claim.ttl < TTL)) renewal.confirm();
  };
  const hanging = begin(locks, 'hanging');
  await clock.advance(TTL / 3);
  const { signal } = hanging.lock;
  const brief = begin(locks, 'brief', { ttl: 300 });
  await clock.advance(1_000);
  brief.finish();
  await clock.advance(validity() - TTL / 3 - 1_001);
  expect(signal.aborted).toBe(false);
  await clock.advance(1);
  expect(signal.aborted).toBe(true);
});

test('a stolen lock is not renewed again', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll().onRenew = (renewal) => renewal.answerWith(null);
  begin(locks, 'k');
  await clock.advance(5 * TTL);
  expect(backend.renewals).toHaveLength(1);
  expect(clock.pending).toBe(0);
});

test('a grant that comes with little time left is renewed before that time ends', async () => {
  const { clock, backend, locks } = withScript();
  const section = begin(locks, 'k');
  await clock.advance(validity() - 3_000);
  backend.lastClaim.grant();
  backend.onRenew = (renewal) => renewal.confirm();
  await clock.advance(3_000);
  expect(section.lock.held).toBe(true);
});

test('leases that are shorter than their ttl are renewed in time (sessions)', async () => {
  const { clock, backend, locks } = withScript();
  backend.onAcquire = (claim) => claim.grant({ validUntil: clock.now() + 5_000 });
  backend.onRenew = (renewal) => renewal.answerWith(clock.now() + 5_000);
  const section = begin(locks, 'k');
  await clock.advance(3 * TTL);
  expect(section.lock.held).toBe(true);
  expect(backend.renewals.length).toBeLessThan((3 * TTL) / 1_000);
});

test('an answer that arrives after the release is ignored', async () => {
  const { clock, backend, locks, warnings } = withScript();
  backend.grantAll();
  const section = begin(locks, 'k');
  await clock.advance(TTL / 3);
  section.finish('done');
  await clock.advance(0);
  expect(section.value).toBe('done');
  await recordEvents(async (events) => {
    backend.renewals[0]!.answerWith(null);
    await clock.advance(TTL);
    expect(events).toEqual([]);
  });
  expect(warnings).toEqual([]);
  expect(backend.renewals).toHaveLength(1);
});

test('the keeper lets the process end', async () => {
  const referenced = new Set<unknown>();
  class CountingClock extends FakeClock {
    override setTimeout(callback: () => void, ms: number) {
      const timer = Object.assign(super.setTimeout(callback, ms), { unref: () => referenced.delete(timer) });
      referenced.add(timer);
      return timer;
    }
    override clearTimeout(timer: Timer) {
      referenced.delete(timer);
      super.clearTimeout(timer);
    }
  }
  const clock = new CountingClock();
  const locks = new LockService({ backend: memoryBackend({ clock }) });
  const section = begin(locks, 'k', { maxHold: '1h', minHold: '10m' });
  await clock.advance(2 * TTL);
  expect(clock.pending).toBe(2); // the keeper's, and maxHold
  expect(referenced.size).toBe(0);
  section.finish();
  await clock.advance(0);
  expect(clock.pending).toBe(2); // the keeper's, and minHold
  expect(referenced.size).toBe(0);
});

test('a ttl longer than timers can run is served', async () => {
  const { clock, locks } = withMemory();
  const month = 2 ** 31 - 1;
  const section = begin(locks, 'k', { ttl: month });
  await clock.advance(month * 2);
  expect(section.lock.held).toBe(true);
});

test('whoever listens to the signal of a lock is called in its own async context, not in that of another caller', async () => {
  const request = new AsyncLocalStorage<string>();
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  backend.onRenew = (renewal) => renewal.answerWith(undefined);
  const seen: unknown[] = [];
  const holdAs = (name: string) =>
    request.run(name, () =>
      track(
        locks.run(name, async ({ signal }) => {
          const lost = new Promise((resolve) => signal.addEventListener('abort', resolve));
          signal.addEventListener('abort', () => seen.push([name, request.getStore(), locks.current()?.keys]));
          await lost;
        }),
      ),
    );
  holdAs('a');
  await clock.advance(1);
  holdAs('b');
  await clock.advance(TTL);
  expect(seen).toEqual([
    ['a', 'a', ['a']],
    ['b', 'b', ['b']],
  ]);
});

test('what a failed renewal met is told with the loss, and not once for each attempt', async () => {
  const { clock, backend, locks, warnings } = withScript();
  backend.grantAll();
  const down = new Error('the store is down');
  backend.onRenew = (renewal) => renewal.fail(down);
  const section = begin(locks, 'k');
  await clock.advance(TTL);
  section.finish();
  await clock.advance(0);
  expect(section.error).toMatchObject({ code: 'LOCK_LOST', reason: 'expired', cause: down });
  expect(warnings).toEqual([expect.stringContaining('the store is down')]);
});

test('a failure that a later renewal made up for is not told with a loss', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  backend.onRenew = (renewal) => {
    if (backend.renewals.length === 1) renewal.fail(new Error('a hiccup'));
    else renewal.confirm();
  };
  const section = begin(locks, 'k');
  await clock.advance(TTL);
  clock.stall(TTL);
  section.finish();
  await clock.advance(0);
  expect(section.error.reason).toBe('expired');
  expect(section.error.cause).toBeUndefined();
});

test('a clock that jumps, as after a suspension, leaves no lock without its renewal', async () => {
  const clock = new FakeClock();
  let gained = 0;
  const jumping = Object.assign(Object.create(clock) as Clock, {
    now: () => clock.now() + gained,
    setTimeout: (callback: () => void, ms: number) => clock.setTimeout(callback, ms),
    clearTimeout: (timer: Timer) => clock.clearTimeout(timer),
  });
  const locks = new LockService({ backend: memoryBackend({ clock: jumping }) });
  begin(locks, 'long', { ttl: 100 * TTL });
  await clock.advance(0);
  gained = 50 * TTL;
  const section = begin(locks, 'short');
  await clock.advance(3 * TTL);
  expect(section.lock.held).toBe(true);
});

test('renewals that were asked for one by one: unknown if one failed, the first error if all did', async () => {
  const [first, second] = [new Error('first'), new Error('second')];
  const failing = (error: Error): Promise<number | null> => Promise.reject(error);
  await expect(renewalAnswers([])).resolves.toEqual([]);
  await expect(renewalAnswers([Promise.resolve(7), failing(first), Promise.resolve(null)])).resolves.toEqual([
    ...[7, undefined, null],
  ]);
  await expect(renewalAnswers([failing(first), failing(second)])).rejects.toBe(first);
});
