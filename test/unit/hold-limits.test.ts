import { LockLostError } from '../../lib/core/errors';
import { TTL, begin, gate, recordEvents, track, withMemory, withScript } from './support';

describe('minHold', () => {
  test('the call returns at once, the lock stays taken for its time', async () => {
    const { clock, backend, locks } = withMemory();
    const { locks: other } = withMemory({ backend });
    const section = begin(locks, 'k', { minHold: 5_000 });
    await clock.advance(100);
    section.finish('done');
    await clock.advance(0);
    expect(section.value).toBe('done');
    await clock.advance(4_899);
    await expect(other.tryAcquire('k')).resolves.toBeNull();
    await clock.advance(1);
    await expect(other.tryAcquire('k')).resolves.not.toBeNull();
  });

  test('holds back local callers too', async () => {
    const { clock, locks } = withMemory();
    await locks.run('k', () => {}, { minHold: 5_000 });
    await expect(locks.tryAcquire('k')).resolves.toBeNull();
    const next = begin(locks, 'k');
    await clock.advance(4_999);
    expect(next.isRunning).toBe(false);
    await clock.advance(1);
    expect(next.isRunning).toBe(true);
  });

  test.each([
    ['a handle', (locks: any) => locks.acquire('k', { minHold: 1_000 }).then((lock: any) => lock.release())],
    ['a failed body', (locks: any) => locks.run('k', () => Promise.reject(new Error('mine')), { minHold: 1_000 }).catch(() => {})], // prettier-ignore
  ])('applies after %s', async (_, call) => {
    const { clock, locks } = withMemory();
    await call(locks);
    await clock.advance(999);
    await expect(locks.tryAcquire('k')).resolves.toBeNull();
    await clock.advance(1);
    await expect(locks.tryAcquire('k')).resolves.not.toBeNull();
  });

  test('the store hears of the end when the time is over, with the outcome', async () => {
    const { clock, backend, locks } = withScript();
    backend.grantAll();
    const error = new Error('mine');
    await expect(locks.run('k', () => Promise.reject(error), { minHold: 1_000 })).rejects.toBe(error);
    await clock.advance(999);
    expect(backend.lastGrant.outcomes).toEqual([]);
    await clock.advance(1);
    expect(backend.lastGrant.outcomes).toEqual([{ error }]);
  });

  test('a body that takes longer is not held back', async () => {
    const { clock, locks } = withMemory();
    const section = begin(locks, 'k', { minHold: 1_000 });
    await clock.advance(2_000);
    section.finish();
    await clock.advance(0);
    await expect(locks.tryAcquire('k')).resolves.not.toBeNull();
  });

  test('raises the ttl to its length, so that the store keeps it without us', async () => {
    const { backend, locks } = withScript();
    backend.grantAll();
    await locks.acquire('a', { minHold: '1h' });
    await locks.acquire('b', { minHold: '1h', ttl: '2h' });
    await locks.acquire('c', { minHold: '1s' });
    expect(backend.claims.map(({ claim }) => claim.ttl)).toEqual([3_600_000, 7_200_000, TTL]);
  });

  test('survives a shutdown, which does not wait for it', async () => {
    const { clock, backend, locks } = withMemory();
    const { locks: other } = withMemory({ backend });
    await locks.run('k', () => {}, { minHold: TTL });
    const closed = track(locks.close());
    await clock.advance(0);
    expect(closed.state).toBe('fulfilled');
    await clock.advance(TTL - 1);
    await expect(other.tryAcquire('k')).resolves.toBeNull();
    await clock.advance(1);
    await expect(other.tryAcquire('k')).resolves.not.toBeNull();
  });

  test('a grant that may end before it is not handed on, since nobody renews it after a shutdown', async () => {
    const { clock, backend, locks } = withScript();
    const [first, second] = [{}, { minHold: 1_000 }].map((options) => begin(locks, 'k', { ttl: 1_000, ...options }));
    backend.lastClaim.grant({ fences: 2 });
    await clock.advance(50);
    first!.finish();
    await clock.advance(0);
    expect(second!.isRunning).toBe(false);
    expect(backend.commands).toEqual(['acquire nestlock:k', 'acquire nestlock:k', 'release nestlock:k']);
  });

  test('is renewed while it runs out', async () => {
    const { clock, locks } = withMemory();
    await locks.run('k', () => {}, { minHold: TTL });
    await clock.advance(TTL - 1);
    await expect(locks.tryAcquire('k')).resolves.toBeNull();
    await clock.advance(1);
    await expect(locks.tryAcquire('k')).resolves.not.toBeNull();
    await clock.advance(TTL);
  });

  test('does not keep a lock that is lost', async () => {
    const { clock, locks } = withMemory();
    const section = begin(locks, 'k', { minHold: TTL });
    await clock.advance(0);
    clock.stall(TTL);
    section.finish();
    await clock.advance(0);
    expect(section.error).toBeInstanceOf(LockLostError);
    await expect(locks.tryAcquire('k')).resolves.not.toBeNull();
  });

  test('the release event comes when it is over', async () => {
    await recordEvents(async (events) => {
      const { clock, locks } = withMemory();
      await locks.run('k', () => {}, { minHold: 1_000 });
      await clock.advance(999);
      expect(events.map(({ channel }) => channel)).toEqual(['acquire']);
      await clock.advance(1);
      expect(events.at(-1)).toMatchObject({ channel: 'release', held: 1_000 });
    });
  });

  test('a joined section does not shorten it', async () => {
    const { clock, locks } = withMemory();
    await locks.run('k', () => locks.run('k', () => {}, { reentrant: true }), { minHold: 1_000 });
    await clock.advance(999);
    await expect(locks.tryAcquire('k')).resolves.toBeNull();
  });

  test('a lock that ran out is handed to who waits here, within the window', async () => {
    const { clock, backend, locks } = withScript();
    const first = begin(locks, 'k', { minHold: 500 });
    const second = begin(locks, 'k');
    backend.lastClaim.grant({ fences: 2 });
    await clock.advance(0);
    first.finish();
    await clock.advance(499);
    expect(second.isRunning).toBe(false);
    await clock.advance(1);
    expect(second.isRunning).toBe(true);
    expect(backend.claims).toHaveLength(1);
  });
});

describe('maxHold', () => {
  test('the signal aborts with LockLostError when it is reached', async () => {
    const { clock, locks } = withMemory();
    const section = begin(locks, 'k', { maxHold: 2_000 });
    await clock.advance(0);
    const { signal } = section.lock;
    await clock.advance(1_999);
    expect([section.lock.held, section.lock.remainingTime(), signal.aborted]).toEqual([true, 1, false]);
    await clock.advance(1);
    expect([section.lock.held, section.lock.remainingTime(), signal.aborted]).toEqual([false, 0, true]);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'maxHold', key: 'k' });
  });

  test('is exact after a stall', async () => {
    const { clock, locks } = withMemory();
    const lock = await locks.acquire('k', { maxHold: 2_000 });
    clock.stall(2_000);
    expect(lock.held).toBe(false);
    expect(lock.signal.reason).toMatchObject({ reason: 'maxHold' });
    expect(() => lock.assertHeld()).toThrow(LockLostError);
  });

  test('stops the renewals', async () => {
    const { clock, backend, locks } = withScript();
    backend.grantAll().onRenew = (renewal) => renewal.confirm();
    begin(locks, 'k', { maxHold: TTL });
    await clock.advance(TTL);
    const { length } = backend.renewals;
    expect(length).toBe(2);
    await clock.advance(5 * TTL);
    expect(backend.renewals).toHaveLength(length);
  });

  test('a body that then ends is released at once', async () => {
    const { clock, locks } = withMemory();
    const section = begin(locks, 'k', { maxHold: 2_000 });
    await clock.advance(3_000);
    await expect(locks.tryAcquire('k')).resolves.toBeNull(); // never freed under a running body before its ttl
    section.finish('late');
    await clock.advance(0);
    expect(section.error).toMatchObject({ code: 'LOCK_LOST', reason: 'maxHold', result: 'late' });
    await expect(locks.tryAcquire('k')).resolves.not.toBeNull();
  });

  test('run waits for that release', async () => {
    const { clock, backend, locks } = withScript();
    const answer = gate();
    backend.grantAll().onRelease = () => answer.opened.then(() => 'released');
    const section = begin(locks, 'k', { maxHold: 2_000 });
    await clock.advance(3_000);
    section.finish();
    await clock.advance(0);
    expect(section.state).toBe('pending');
    answer.open();
    await clock.advance(0);
    expect(section.error).toMatchObject({ reason: 'maxHold' });
  });

  test('a body that hangs loses the lock when the ttl ends', async () => {
    const { clock, backend, locks } = withMemory();
    const { locks: other } = withMemory({ backend });
    const section = begin(locks, 'k', { maxHold: 5_000 });
    await clock.advance(0);
    const next = begin(other, 'k', { waitTimeout: Infinity });
    await clock.advance(TTL - 1);
    expect(next.isRunning).toBe(false);
    await clock.advance(1);
    expect(next.isRunning).toBe(true);
    section.finish();
    await clock.advance(0);
    expect(next.lock.held).toBe(true);
  });

  test('a store whose leases do not end by themselves is freed one ttl later', async () => {
    const { clock, backend, locks } = withScript();
    backend.onAcquire = (claim) => claim.grant({ validUntil: clock.now() + 100 * TTL });
    const section = begin(locks, 'k', { maxHold: 5_000 });
    await clock.advance(5_000 + TTL - 1);
    expect(backend.lastGrant.outcomes).toHaveLength(0);
    await clock.advance(1);
    expect(backend.lastGrant.outcomes).toEqual([{ error: expect.any(LockLostError) }]);
    section.finish();
    await clock.advance(0);
    expect(section.error).toMatchObject({ reason: 'maxHold' });
    await clock.advance(100 * TTL);
    expect(clock.pending).toBe(0);
  });

  test('a body that ends in time knows nothing of it', async () => {
    const { clock, locks, warnings } = withMemory();
    const section = begin(locks, 'k', { maxHold: 5_000 });
    await clock.advance(4_999);
    section.finish('done');
    await clock.advance(TTL);
    expect(section.value).toBe('done');
    expect(warnings).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('a handle that is never released is freed too', async () => {
    const { clock, locks } = withMemory();
    await locks.acquire('k', { maxHold: 1_000 });
    const next = track(locks.acquire('k', { waitTimeout: Infinity }));
    await clock.advance(TTL);
    expect(next.state).toBe('fulfilled');
  });

  test('the next local caller is served when the store lets it', async () => {
    const { clock, locks } = withMemory();
    const hanging = begin(locks, 'k', { maxHold: 1_000 });
    await clock.advance(0);
    const next = begin(locks, 'k', { waitTimeout: Infinity });
    await clock.advance(1_500);
    hanging.finish();
    await clock.advance(0);
    expect(next.isRunning).toBe(true);
  });

  test('minHold and maxHold together', async () => {
    const { clock, locks } = withMemory();
    await locks.run('k', () => {}, { minHold: 500, maxHold: 1_000 });
    await clock.advance(499);
    await expect(locks.tryAcquire('k')).resolves.toBeNull();
    await clock.advance(1);
    await expect(locks.tryAcquire('k')).resolves.not.toBeNull();
    const long = begin(locks, 'k2', { minHold: 500, maxHold: 1_000 });
    await clock.advance(1_200);
    long.finish();
    await clock.advance(0);
    expect(long.error).toMatchObject({ reason: 'maxHold' });
    await expect(locks.tryAcquire('k2')).resolves.not.toBeNull();
  });
});
