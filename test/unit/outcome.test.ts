import { LockLostError } from '../../lib/core/errors';
import { TTL, begin, recordEvents, track, withMemory, withScript } from './support';

test('run resolves with what the body returns, whether it is async or not', async () => {
  const { locks } = withMemory();
  await expect(locks.run('k', () => 1)).resolves.toBe(1);
  await expect(locks.run('k', async () => 2)).resolves.toBe(2);
  await expect(locks.run('k', () => undefined)).resolves.toBeUndefined();
});

const errors: [string, unknown][] = [
  ['an error', new TypeError('mine')],
  ['a frozen object', Object.freeze({ code: 7 })],
  ['undefined', undefined],
  ['a LockLostError of its own', new LockLostError('other', { reason: 'stolen' })],
];

test.each(errors)('run rejects with the very thing that the body threw: %s', async (_, error) => {
  const { locks } = withMemory();
  for (const body of [
    () => Promise.reject(error),
    () => {
      throw error;
    },
  ]) {
    // prettier-ignore
    const caught: unknown = await locks.run('k', body).then(
      () => 'resolved',
      (reason: unknown) => reason,
    );
    expect(caught === error).toBe(true);
  }
  await expect(locks.tryAcquire('k')).resolves.not.toBeNull();
});

test.each(errors)("the body's error wins over the loss of the lock: %s", async (_, error) => {
  const { clock, locks } = withMemory();
  const section = begin(locks, 'k');
  await clock.advance(0);
  clock.stall(2 * TTL);
  section.fail(error);
  await clock.advance(0);
  expect(section.state).toBe('rejected');
  expect(section.error === error).toBe(true);
});

test("the body's error wins over a failed release", async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll().onRelease = () => Promise.reject(new Error('release failed'));
  const section = begin(locks, 'k');
  await clock.advance(0);
  const error = new Error('mine');
  section.fail(error);
  await clock.advance(0);
  expect(section.error).toBe(error);
});

test('after a loss the body is awaited, then run rejects with LockLostError and its result', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll().onRenew = (renewal) => renewal.answerWith(null);
  const section = begin(locks, 'k');
  await clock.advance(TTL / 3);
  expect(section.lock.signal.aborted).toBe(true);
  await clock.advance(TTL);
  expect(section.state).toBe('pending');
  section.finish({ rows: 3 });
  await clock.advance(0);
  expect(section.error).toBeInstanceOf(LockLostError);
  expect(section.error).toMatchObject({ code: 'LOCK_LOST', reason: 'stolen', key: 'k', result: { rows: 3 } });
});

test('a lost lock is given back once, as a failure, and nobody waits for the answer', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll().onRenew = (renewal) => renewal.answerWith(null);
  backend.onRelease = () => new Promise(() => {});
  const section = begin(locks, 'k');
  await clock.advance(TTL / 3);
  section.finish();
  await clock.advance(0);
  expect(section.error).toMatchObject({ reason: 'stolen' });
  expect(backend.lastGrant.outcomes).toEqual([{ error: expect.any(LockLostError) }]);
});

test('the backend is told how the body ended', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  const good = begin(locks, 'k');
  await clock.advance(0);
  good.finish('fine');
  await clock.advance(0);
  expect(backend.lastGrant.outcomes).toEqual([{ ok: true }]);
  const bad = begin(locks, 'k');
  await clock.advance(0);
  bad.fail('mine');
  await clock.advance(0);
  expect(backend.lastGrant.outcomes).toEqual([{ error: 'mine' }]);
});

test('a release that fails is an event and a warning, not an exception', async () => {
  const { clock, backend, locks, warnings } = withScript();
  const failure = new Error('connection lost');
  backend.grantAll().onRelease = () => Promise.reject(failure);
  await recordEvents(async (events) => {
    const section = begin(locks, 'k');
    await clock.advance(25);
    section.finish('done');
    await clock.advance(0);
    expect(section.value).toBe('done');
    expect(events.filter(({ channel }) => channel === 'release-failed')).toMatchObject([
      {
        key: 'nestlock:k',
        mode: 'exclusive',
        backend: 'scripted',
        held: 25,
        fence: backend.lastGrant.fence,
        error: failure,
      },
    ]);
    expect(events.filter(({ channel }) => channel === 'release')).toEqual([]);
  });
  expect(warnings).toEqual([expect.stringMatching(/nestlock:k.*connection lost/)]);
});

test('a release that throws before it returns a promise is no exception either', async () => {
  const { clock, backend, locks, warnings } = withScript();
  backend.grantAll().onRelease = () => {
    throw new Error('broken');
  };
  await expect(locks.run('k', () => 'done')).resolves.toBe('done');
  expect(warnings).toHaveLength(1);
  const lock = await locks.acquire('k');
  await expect(lock.release()).resolves.toBeUndefined();
  await clock.advance(TTL);
  expect(clock.pending).toBe(0);
});

test('a release that answers "lost" is a loss', async () => {
  const { clock, backend, locks, warnings } = withScript();
  backend.grantAll().onRelease = async () => 'lost';
  const section = begin(locks, 'k');
  await clock.advance(0);
  const { signal } = section.lock;
  section.finish('done');
  await clock.advance(0);
  expect(section.error).toMatchObject({ code: 'LOCK_LOST', reason: 'stolen', result: 'done' });
  expect(signal.aborted).toBe(true);
  expect(warnings).toEqual([expect.stringContaining('lost while held')]);
});

test('a handle whose release answers "lost" does not reject', async () => {
  const { backend, locks } = withScript();
  backend.grantAll().onRelease = async () => 'lost';
  const lock = await locks.acquire('k');
  await expect(lock.release()).resolves.toBeUndefined();
});

test('run awaits the answer of the store', async () => {
  const { clock, backend, locks } = withScript();
  let answer!: (answer: 'released') => void;
  backend.grantAll().onRelease = () => new Promise((resolve) => (answer = resolve));
  const section = begin(locks, 'k');
  await clock.advance(0);
  section.finish('done');
  await clock.advance(1_000);
  expect(section.state).toBe('pending');
  answer('released');
  await clock.advance(0);
  expect(section.value).toBe('done');
});

test('a body that releases its lock early keeps its result', async () => {
  const { backend, locks } = withScript();
  backend.grantAll();
  await expect(
    locks.run('k', async (lock) => {
      await lock.release();
      return lock.held;
    }),
  ).resolves.toBe(false);
  expect(backend.commands).toEqual(['acquire nestlock:k', 'release nestlock:k']);
});

test('nothing is left when a body has failed, was lost or could not be released', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  const outcomes = [
    track(locks.run('a', () => Promise.reject(new Error('mine')))),
    track(locks.run('b', () => clock.stall(2 * TTL))),
  ];
  await clock.advance(0);
  backend.onRelease = () => Promise.reject(new Error('down'));
  outcomes.push(track(locks.run('c', () => {})));
  await clock.advance(TTL);
  expect(outcomes.map(({ state }) => state)).toEqual(['rejected', 'rejected', 'fulfilled']);
  expect(clock.pending).toBe(0);
});
