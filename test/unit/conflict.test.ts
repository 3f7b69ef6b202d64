import crypto from 'node:crypto';
import { LockConflictError } from '../../lib/core/errors';
import { begin, track, withScript } from './support';

function optimistic(conflicts: number, attempts?: number) {
  const script = withScript(attempts === undefined ? {} : { attempts });
  script.backend.grantAll().onRelease = async () => (conflicts-- > 0 ? 'conflict' : 'released');
  return script;
}

async function count(script: ReturnType<typeof withScript>, body: (n: number) => unknown = (n) => n) {
  let runs = 0;
  const outcome = track(script.locks.run('k', () => body(++runs)));
  await script.clock.advance(60_000);
  return { runs, outcome };
}

test('a conflict runs the body again, with a new claim', async () => {
  const script = optimistic(2);
  const { runs, outcome } = await count(script);
  expect([runs, outcome.value]).toEqual([3, 3]);
  expect(new Set(script.backend.claims.map(({ claim }) => claim.holder)).size).toBe(3);
  expect(script.clock.pending).toBe(0);
});

test.each([
  ['5 attempts by default', undefined, 5],
  ['as many as the backend says', 3, 3],
  ['one is enough', 1, 1],
])('after all attempts LockConflictError: %s', async (_, attempts, expected) => {
  const { runs, outcome } = await count(optimistic(100, attempts));
  expect(runs).toBe(expected);
  expect(outcome.error).toBeInstanceOf(LockConflictError);
  expect(outcome.error).toMatchObject({ code: 'LOCK_CONFLICT', key: 'k', attempts: expected, status: 409 });
});

test('an error of the body ends it at once', async () => {
  const error = new Error('mine');
  const { runs, outcome } = await count(optimistic(0), () => {
    throw error;
  });
  expect(runs).toBe(1);
  expect(outcome.error).toBe(error);
});

test('an error that the backend says came of a conflict runs the body again, and is the cause in the end', async () => {
  const error = new Error('could not serialize access');
  const fail = (): never => {
    throw error;
  };
  const again = await count(optimistic(1), (n) => (n === 1 ? fail() : n));
  expect([again.runs, again.outcome.value]).toEqual([2, 2]);
  const { runs, outcome } = await count(optimistic(100), fail);
  expect(runs).toBe(5);
  expect(outcome.error).toMatchObject({ code: 'LOCK_CONFLICT', cause: error });
});

test('the pause has full jitter: at most 10 ms before the first rerun, and twice as much before each further one', async () => {
  const spy = jest.spyOn(crypto, 'randomInt');
  try {
    await count(optimistic(100));
    expect(spy.mock.calls.map(([max]) => max)).toEqual([10, 20, 40, 80]);
  } finally {
    spy.mockRestore();
  }
});

test('nobody is excluded: others go ahead meanwhile, even those who would not wait', async () => {
  const { clock, backend, locks } = optimistic(0, 3);
  backend.onAcquire = (claim) => claim.grant({ fences: 0 });
  const running = begin(locks, 'k');
  await clock.advance(0);
  expect(running.isRunning).toBe(true);
  await expect(locks.run('k', () => 'too', { waitTimeout: 0 })).resolves.toBe('too');
  await expect(locks.run('k', () => 'also')).resolves.toBe('also');
  running.finish();
});

test('waitTimeout covers all attempts, and a conflict is what it was then, since nobody holds anything', async () => {
  const { clock, backend, locks } = optimistic(100);
  let runs = 0;
  const outcome = track(
    locks.run(
      'k',
      () => {
        runs++;
        clock.stall(600);
        backend.onAcquire = (claim) => claim.contended();
      },
      { waitTimeout: 1_000 },
    ),
  );
  await clock.advance(0);
  await clock.advance(399);
  expect(outcome.state).toBe('pending');
  await clock.advance(1);
  expect(outcome.error).toMatchObject({ code: 'LOCK_CONFLICT', attempts: 1 });
  expect(runs).toBe(1);
});

test('an abort during the pause ends it', async () => {
  const controller = new AbortController();
  const { clock, locks } = optimistic(100);
  const reason = new Error('gone');
  let runs = 0;
  const outcome = track(
    locks.run(
      'k',
      () => {
        runs++;
        controller.abort(reason);
      },
      { signal: controller.signal },
    ),
  );
  await clock.advance(1_000);
  expect(runs).toBe(1);
  expect(outcome.error).toBe(reason);
});

test('several keys: a conflict of one runs the body again with all', async () => {
  const { clock, backend, locks } = withScript();
  let conflicts = 1;
  backend.grantAll().onRelease = async ({ claim }) =>
    claim.key === 'nestlock:b' && conflicts-- > 0 ? 'conflict' : 'released';
  let runs = 0;
  const outcome = track(locks.run(['a', 'b'], () => ++runs));
  await clock.advance(100);
  expect(outcome.value).toBe(2);
  expect(backend.claims).toHaveLength(4);
});

test('a loss wins over a conflict', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll().onRelease = async ({ claim }) => (claim.key === 'nestlock:b' ? 'conflict' : 'lost');
  const outcome = track(locks.run(['a', 'b'], () => 'done'));
  await clock.advance(100);
  expect(outcome.error).toMatchObject({ code: 'LOCK_LOST', key: 'a', result: 'done' });
});

test('the release of a handle says nothing of a conflict', async () => {
  const { locks } = optimistic(100);
  const lock = await locks.acquire('k');
  await expect(lock.release()).resolves.toBeUndefined();
});
