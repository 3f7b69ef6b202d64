import { inspect } from 'node:util';
import { provableUntil } from '../../lib/core/backend';
import type { Grant, Loss } from '../../lib/core/backend';
import { LockLostError } from '../../lib/core/errors';
import { Lease } from '../../lib/core/lease';
import { FakeClock } from '../../lib/testing/fake-clock';
import { TTL, begin, track, validity, withMemory, withScript } from './support';

test('a lease is provable for its ttl less 1 % and 2 ms', () => {
  expect(provableUntil(500, 1_000)).toBe(500 + 1_000 - 10 - 2);
});

test('the memory backend counts from when it was asked', async () => {
  const { locks } = withMemory({ ttl: 1_000 });
  const lock = await locks.acquire('k');
  expect(lock.remainingTime()).toBe(988);
});

test('the deadline is counted from the sending of the request, however late the answer', async () => {
  const { clock, backend, locks } = withScript();
  const section = begin(locks, 'k');
  await clock.advance(5_000);
  backend.lastClaim.grant();
  await clock.advance(0);
  expect(section.lock.remainingTime()).toBe(validity() - 5_000);
});

test('a renewal counts from its own sending, however late the answer', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  const section = begin(locks, 'k');
  await clock.advance(TTL / 3);
  expect(backend.renewals).toHaveLength(1);
  await clock.advance(7_000);
  backend.renewals[0]!.confirm();
  await clock.advance(0);
  expect(section.lock.remainingTime()).toBe(validity() - 7_000);
});

test('the deadline passes while a renewal hangs, and its late answer changes nothing', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  const section = begin(locks, 'k');
  await clock.advance(TTL / 3);
  const { signal } = section.lock;
  let aborts = 0;
  signal.addEventListener('abort', () => aborts++);

  await clock.advance(validity() - TTL / 3 - 1);
  expect(section.lock.held).toBe(true);
  expect(signal.aborted).toBe(false);
  await clock.advance(1);
  expect(signal.aborted).toBe(true);
  expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'expired', key: 'k' });

  backend.renewals[0]!.answerWith(clock.now() + TTL);
  await clock.advance(10);
  expect(section.lock.held).toBe(false);
  expect(section.lock.remainingTime()).toBe(0);
  expect(() => section.lock.assertHeld()).toThrow(LockLostError);
  expect(aborts).toBe(1);
  await clock.advance(3 * TTL);
  expect(backend.renewals).toHaveLength(1);
});

test('a positive renewal that arrives after the deadline, before any timer fired, does not bring the lock back', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  const section = begin(locks, 'k');
  await clock.advance(TTL / 3);
  clock.stall(TTL);
  backend.renewals[0]!.answerWith(clock.now() + TTL);
  await clock.advance(0);
  expect(section.lock.held).toBe(false);
});

test('a renewal that was answered out of order never shortens the lease', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  const section = begin(locks, 'k');
  await clock.advance(TTL / 3);
  const before = section.lock.remainingTime();
  backend.renewals[0]!.answerWith(clock.now() + 1);
  await clock.advance(0);
  expect(section.lock.remainingTime()).toBe(before);
});

describe('after a stall of the event loop, before any timer fired', () => {
  async function stalled(ms: number) {
    const { clock, locks } = withMemory();
    const lock = await locks.acquire('k');
    clock.stall(ms);
    return lock;
  }

  test('held is exact', async () => {
    expect((await stalled(validity() - 1)).held).toBe(true);
    expect((await stalled(validity())).held).toBe(false);
  });

  test('assertHeld is exact', async () => {
    const inTime = await stalled(validity() - 1);
    expect(() => inTime.assertHeld()).not.toThrow();
    const late = await stalled(validity());
    expect(() => late.assertHeld()).toThrow(LockLostError);
  });

  test('remainingTime is exact', async () => {
    expect((await stalled(validity() - 1)).remainingTime()).toBe(1);
    expect((await stalled(validity() + 5)).remainingTime()).toBe(0);
  });

  test('the signal has aborted at first look', async () => {
    const { signal } = await stalled(validity());
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBeInstanceOf(LockLostError);
  });

  test('a signal taken before has aborted when it is looked at through the lock', async () => {
    const { clock, locks } = withMemory();
    const lock = await locks.acquire('k');
    const { signal } = lock;
    clock.stall(validity());
    expect(lock.signal).toBe(signal);
    expect(signal.aborted).toBe(true);
  });

  test('a body that ends then has lost the lock, though no timer said so', async () => {
    const { clock, locks } = withMemory();
    const section = begin(locks, 'k');
    await clock.advance(0);
    clock.stall(TTL);
    section.finish('done');
    await clock.advance(0);
    expect(section.error).toMatchObject({ code: 'LOCK_LOST', reason: 'expired', result: 'done' });
  });
});

describe('the backend learns of a loss by itself', () => {
  test.each(['session', 'stolen'] as const)('the lock is lost at once: %s', async (reason) => {
    const { clock, backend, locks } = withScript();
    backend.grantAll();
    const section = begin(locks, 'k');
    await clock.advance(0);
    const { signal } = section.lock;
    const cause = new Error('gone');
    backend.lastGrant.lose({ reason, cause });
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ reason, cause });
    expect(section.lock.held).toBe(false);
  });

  test('also if it knew before the grant arrived: the body is never run, so nothing was lost', async () => {
    const { clock, backend, locks, warnings } = withScript();
    backend.onRelease = () => Promise.reject(new Error('gone'));
    backend.onAcquire = (claim) => claim.grant({ lost: AbortSignal.abort(new Error('gone')) });
    const section = begin(locks, 'k');
    await clock.advance(0);
    expect(section.body.lock === undefined).toBe(true);
    expect(section.error).toMatchObject({ code: 'LOCK_UNAVAILABLE', key: 'k', cause: new Error('gone') });
    expect(backend.lastGrant.outcomes).toHaveLength(1);
    expect(warnings).toEqual([]);
    await clock.advance(TTL);
    expect(clock.pending).toBe(0);
  });

  test('after the release: nothing is lost', async () => {
    const { backend, locks, warnings } = withScript();
    backend.grantAll();
    const lock = await locks.acquire('k');
    const { signal } = lock;
    await lock.release();
    backend.lastGrant.lose({ reason: 'session' });
    expect(signal.aborted).toBe(false);
    expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ reason: 'released' }));
    expect(warnings).toEqual([]);
  });

  test('after its lease is over: nobody is told', () => {
    const whenLost = jest.fn();
    let tell!: (loss: Loss) => void;
    const grant = {
      fence: 1n,
      fences: 1,
      validUntil: TTL,
      whenLost: (listener: typeof tell) => void (tell = listener),
    };
    const shape = { mode: 'exclusive', permits: 1, ttl: TTL } as const;
    const lease = new Lease('k', shape, grant as unknown as Grant, new FakeClock(), whenLost);
    lease.end();
    tell({ reason: 'session' });
    expect(whenLost).not.toHaveBeenCalled();
  });

  test('after its time had run out: it is told why it was lost first', async () => {
    const { clock, backend, locks, warnings } = withScript();
    backend.grantAll();
    const lock = await locks.acquire('k');
    clock.stall(TTL);
    expect(lock.held).toBe(false);
    backend.lastGrant.lose({ reason: 'session' });
    expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ reason: 'expired' }));
    expect(warnings).toHaveLength(1);
  });
});

test.each(['run', 'acquire', 'tryAcquire'] as const)(
  '%s: a grant that arrives after its time is no lock',
  async (call) => {
    const { clock, backend, locks, warnings } = withScript();
    let ran = false;
    const result = track(call === 'run' ? locks.run('k', () => void (ran = true)) : locks[call]('k'));
    await clock.advance(TTL);
    backend.lastClaim.grant();
    await clock.advance(0);
    expect(result.error).toMatchObject({ code: 'LOCK_UNAVAILABLE', key: 'k' });
    expect([ran, warnings]).toEqual([false, []]);
    expect(backend.lastGrant.outcomes).toHaveLength(1);
  },
);

test('a released lock is not held, and was not lost', async () => {
  const { locks, warnings } = withMemory();
  const lock = await locks.acquire('k');
  const { signal } = lock;
  await lock.release();
  await lock.release();
  expect(lock.held).toBe(false);
  expect(lock.remainingTime()).toBe(0);
  expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ code: 'LOCK_LOST', reason: 'released' }));
  expect(signal.aborted).toBe(false);
  expect(warnings).toEqual([]);
});

test('release does not reject because the lock was already lost', async () => {
  const { clock, locks } = withMemory();
  const lock = await locks.acquire('k');
  clock.stall(2 * TTL);
  await expect(lock.release()).resolves.toBeUndefined();
});

test('a lock can be disposed of', async () => {
  const { locks } = withMemory();
  const lock = await locks.acquire('k');
  await lock[Symbol.asyncDispose]();
  expect(lock.held).toBe(false);
  await expect(locks.tryAcquire('k')).resolves.not.toBeNull();
});

test('a lock that is logged or serialised shows nothing of its backend', async () => {
  const { locks } = withMemory();
  await locks.run(['a', 'b'], (lock) => {
    expect(JSON.parse(JSON.stringify(lock))).toEqual({ keys: ['a', 'b'] });
    expect(inspect(lock, { depth: 9 })).not.toMatch(/backend|clock|claim/i);
  });
  await locks.run('a', (lock) => {
    expect(JSON.parse(JSON.stringify(lock))).toMatchObject({ keys: ['a'] });
    expect(inspect(lock, { depth: 9 })).not.toMatch(/backend|clock|claim/i);
  });
});
