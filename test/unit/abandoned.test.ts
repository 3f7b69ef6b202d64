import { LockUnavailableError } from '../../lib/core/errors';
import { TTL, begin, countingController, track, withMemory, withScript } from './support';

const reason = new Error('the client has gone');

const calls = [
  ['run', (locks: any, options: object) => locks.run('k', () => 'ran', options)],
  ['run, one try', (locks: any, options: object) => locks.run('k', () => 'ran', { ...options, waitTimeout: 0 })],
  ['acquire', (locks: any, options: object) => locks.acquire('k', options)],
  ['tryAcquire', (locks: any, options: object) => locks.tryAcquire('k', options)],
] as const;

test.each(calls)('%s: an already aborted signal fails although the lock is free, and asks nobody', async (_, call) => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  await expect(call(locks, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(backend.claims).toEqual([]);
  expect(clock.pending).toBe(0);
});

test('an already aborted signal fails although the hold could be joined', async () => {
  const { locks } = withMemory();
  await locks.run('k', async () => {
    const inner = locks.run('k', () => 'ran', { reentrant: true, signal: AbortSignal.abort(reason) });
    await expect(inner).rejects.toBe(reason);
  });
});

test.each(calls)('%s: an abort rejects at once with the reason of the signal', async (_, call) => {
  const { clock, backend, locks } = withScript();
  const controller = new AbortController();
  const waiting = track(call(locks, { signal: controller.signal }));
  await clock.advance(50);
  controller.abort(reason);
  await clock.advance(0);
  expect(waiting.error).toBe(reason);
  expect(backend.lastClaim.aborted).toBe(true);
  expect(clock.pending).toBe(0);
});

test.each(['run', 'acquire'] as const)('%s rejects at once though the backend goes on', async (call) => {
  const { clock, backend, locks } = withScript();
  backend.rejectsAborted = false;
  const controller = new AbortController();
  const options = { signal: controller.signal };
  const waiting = track<unknown>(call === 'run' ? locks.run('k', () => 'ran', options) : locks.acquire('k', options));
  await clock.advance(50);
  controller.abort(reason);
  await clock.advance(0);
  expect(waiting.error).toBe(reason);
});

test.each(calls)('%s: what is granted after the abort is put back', async (_, call) => {
  const { clock, backend, locks, warnings } = withScript();
  backend.rejectsAborted = false;
  const controller = new AbortController();
  const waiting = track(call(locks, { signal: controller.signal }));
  controller.abort(reason);
  await clock.advance(0);
  const grant = backend.lastClaim.grant();
  await clock.advance(0);
  expect(waiting.error).toBe(reason);
  expect(grant.outcomes).toEqual([{ error: expect.anything() }]);
  await clock.advance(2 * TTL);
  expect(backend.renewals).toEqual([]);
  expect(clock.pending).toBe(0);
  expect(warnings).toEqual([]);
});

test('what is granted after a time-out is put back', async () => {
  const { clock, backend, locks } = withScript();
  backend.rejectsAborted = false;
  const waiting = track(locks.acquire('k', { waitTimeout: 100 }));
  backend.lastClaim.contended();
  await clock.advance(100);
  expect(waiting.error).toMatchObject({ code: 'LOCK_TIMEOUT' });
  const grant = backend.lastClaim.grant();
  await clock.advance(0);
  expect(grant.outcomes).toHaveLength(1);
});

test('a grant that cannot be put back is a warning', async () => {
  const { clock, backend, locks, warnings } = withScript();
  backend.rejectsAborted = false;
  backend.onRelease = () => Promise.reject(new Error('down'));
  const controller = new AbortController();
  track(locks.acquire('k', { signal: controller.signal }));
  controller.abort(reason);
  backend.lastClaim.grant();
  await clock.advance(0);
  expect(warnings).toEqual([expect.stringMatching(/nestlock:k.*down/)]);
});

test('a failure after the abort is nobody’s business any more', async () => {
  const { clock, backend, locks, warnings } = withScript();
  backend.rejectsAborted = false;
  const controller = new AbortController();
  track(locks.acquire('k', { signal: controller.signal }));
  controller.abort(reason);
  const next = track(locks.acquire('k'));
  backend.claims[0]!.fail(new LockUnavailableError('down'));
  await clock.advance(0);
  expect(next.state).toBe('pending');
  backend.lastClaim.grant();
  await clock.advance(0);
  expect(next.state).toBe('fulfilled');
  expect(warnings).toEqual([]);
});

test('one who waits behind another and gives up leaves nothing', async () => {
  const { clock, backend, locks } = withScript({ maxLocalHandoffs: 0 });
  backend.grantAll();
  const holder = begin(locks, 'k');
  await clock.advance(0);
  backend.onAcquire = (claim) => claim.contended();
  const controller = countingController();
  const waiting = track(locks.acquire('k', { signal: controller.signal }));
  await clock.advance(10);
  expect(controller.listeners).toBe(1);
  controller.abort(reason);
  await clock.advance(0);
  expect(waiting.error).toBe(reason);
  holder.finish();
  await clock.advance(TTL);
  expect(clock.pending).toBe(0);
  expect(backend.commands).toEqual(['acquire nestlock:k', 'acquire nestlock:k', 'release nestlock:k']);
  expect(backend.lastClaim.aborted).toBe(true);
});

test('in the memory backend an abandoned claim neither holds nor waits', async () => {
  const { clock, backend, locks } = withMemory();
  const { locks: other } = withMemory({ backend });
  const holder = begin(other, 'k');
  await clock.advance(0);
  const controller = new AbortController();
  track(locks.acquire('k', { signal: controller.signal }));
  await clock.advance(10);
  controller.abort(reason);
  await clock.advance(0);
  holder.finish();
  await clock.advance(0);
  await expect(other.tryAcquire('k')).resolves.not.toBeNull();
});

test('a signal does not touch a lock that is already held', async () => {
  const { clock, locks } = withMemory();
  const controller = countingController();
  const section = begin(locks, 'k', { signal: controller.signal });
  await clock.advance(0);
  controller.abort(reason);
  await clock.advance(0);
  expect(section.lock.held).toBe(true);
  expect(section.lock.signal.aborted).toBe(false);
  section.finish('done');
  await clock.advance(0);
  expect(section.value).toBe('done');
});

describe('listeners on the caller’s signal', () => {
  test.each(calls)('%s: none is left after a grant', async (_, call) => {
    const { clock, locks } = withMemory();
    const controller = countingController();
    await call(locks, { signal: controller.signal });
    await clock.advance(0);
    expect(controller.listeners).toBe(0);
  });

  test('none is left after waiting, a time-out, a failure', async () => {
    const { clock, locks } = withMemory();
    const holder = begin(locks, 'k');
    await clock.advance(0);
    const controller = countingController();
    const { signal } = controller;
    const late = track(locks.acquire('k', { signal, waitTimeout: 50 }));
    const granted = track(locks.acquire('k', { signal }));
    await clock.advance(50);
    holder.finish();
    await clock.advance(0);
    expect([late.state, granted.state]).toEqual(['rejected', 'fulfilled']);
    expect(controller.listeners).toBe(0);

    const { backend, locks: failing } = withScript();
    backend.onAcquire = (claim) => claim.fail(new LockUnavailableError('down'));
    await expect(failing.acquire('k', { signal })).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    expect(controller.listeners).toBe(0);
  });

  test('several keys: none is left', async () => {
    const { clock, locks } = withMemory();
    const holder = begin(locks, 'b');
    await clock.advance(0);
    const controller = countingController();
    const both = begin(locks, ['a', 'b', 'c'], { signal: controller.signal });
    await clock.advance(10);
    holder.finish();
    await clock.advance(0);
    expect(both.isRunning).toBe(true);
    expect(controller.listeners).toBe(0);
  });
});

test('every attempt has a random 128-bit holder id of its own', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  for (let i = 0; i < 50; i++) await locks.run('k', () => {});
  await locks.tryAcquire('k2');
  await clock.advance(0);
  const holders = backend.claims.map(({ claim }) => claim.holder);
  expect(new Set(holders).size).toBe(51);
  for (const holder of holders) expect(holder.replaceAll('-', '').length).toBeGreaterThanOrEqual(22);
});
