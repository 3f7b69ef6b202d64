import { LockConfigError, LockLostError, LockTransactionError } from '../../lib/core/errors';
import { grantOf } from '../../lib/core/grant-of';
import { LockService } from '../../lib/core/lock-service';
import { FakeClock } from '../../lib/testing/fake-clock';
import { ScriptedBackend } from './scripted-backend';
import { begin, track } from './support';

function transactional() {
  const clock = new FakeClock();
  const backend = new ScriptedBackend(clock).grantAll();
  backend.transactional = true;
  const warnings: string[] = [];
  return { clock, backend, warnings, locks: new LockService({ backend, warn: (message) => warnings.push(message) }) };
}

const refused = new Error('violates foreign key constraint');

test('the commit is a part of the body: run rejects with why there was none, and warns of nothing', async () => {
  const { backend, locks, warnings } = transactional();
  backend.onRelease = () => Promise.reject(refused);
  await expect(locks.run('k', () => 'done')).rejects.toBe(refused);
  expect(warnings).toEqual([]);
});

test('an error of ours says which lock it is about', async () => {
  const { backend, locks } = transactional();
  const cause = new Error('ECONNRESET');
  backend.onRelease = () => Promise.reject(new LockTransactionError('It is not known.', { outcome: 'unknown', cause }));
  const error: unknown = await locks.run('k', () => 1).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(LockTransactionError);
  expect(error).toMatchObject({ key: 'k', outcome: 'unknown', cause, message: 'Lock "k": It is not known.' });
});

test('the error of the body is the one that counts, and a rollback that fails is a warning', async () => {
  const { backend, locks, warnings } = transactional();
  backend.onRelease = () => Promise.reject(new Error('down'));
  const mine = new Error('mine');
  await expect(locks.run('k', () => Promise.reject(mine))).rejects.toBe(mine);
  expect(backend.lastGrant.outcomes).toEqual([{ error: mine }]);
  expect(warnings).toHaveLength(1);
});

test('what was lost is not committed', async () => {
  const { backend, locks } = transactional();
  const gone = new AbortController();
  backend.onAcquire = (claim) => claim.grant({ lost: gone.signal });
  await expect(locks.run('k', () => gone.abort(new Error('connection')))).rejects.toThrow(LockLostError);
  expect(backend.lastGrant.outcomes).toEqual([{ error: expect.any(LockLostError) }]);
});

test('a commit that fails rejects run, even if the loss is found out meanwhile', async () => {
  const { backend, locks } = transactional();
  const gone = new AbortController();
  backend.onAcquire = (claim) => claim.grant({ lost: gone.signal });
  backend.onRelease = () => {
    gone.abort(new Error('connection'));
    return Promise.reject(refused);
  };
  await expect(locks.run('k', () => 1)).rejects.toBe(refused);
});

test('the release of a handle rejects as well, each time', async () => {
  const { backend, locks } = transactional();
  backend.onRelease = () => Promise.reject(refused);
  const lock = await locks.acquire('k');
  await expect(lock.release()).rejects.toBe(refused);
  await expect(lock.release()).rejects.toBe(refused);
  expect(backend.commands).toEqual(['acquire nestlock:k', 'release nestlock:k']);
});

test('minHold is refused before anything is asked', async () => {
  const { backend, locks } = transactional();
  await expect(locks.run('k', () => 1, { minHold: '1s' })).rejects.toThrow(
    new LockConfigError(
      '"minHold" cannot be used with the backend "scripted": its locks end with the commit of the work.',
    ),
  );
  expect(backend.claims).toEqual([]);
});

describe('several keys', () => {
  test('are committed one after the other, the last one first', async () => {
    const { clock, backend, locks } = transactional();
    const commits: (() => void)[] = [];
    backend.onRelease = () => new Promise((resolve) => commits.push(() => resolve('released')));
    const running = track(locks.run(['a', 'b', 'c'], () => 'done'));
    for (const expected of ['release nestlock:c', 'release nestlock:b', 'release nestlock:a']) {
      await clock.advance(0);
      expect(backend.commands.at(-1)).toBe(expected);
      commits.shift()!();
    }
    await clock.advance(0);
    expect(running.value).toBe('done');
  });

  test('one that is not committed has those before it rolled back', async () => {
    const { backend, locks } = transactional();
    backend.onRelease = ({ claim }) =>
      claim.key === 'nestlock:b' ? Promise.reject(refused) : Promise.resolve('released');
    await expect(locks.run(['a', 'b', 'c'], () => 1)).rejects.toBe(refused);
    expect(backend.grants.map(({ outcomes }) => outcomes)).toEqual([
      [{ error: refused }],
      [{ ok: true }],
      [{ ok: true }],
    ]);
  });

  test('one that turns out to be lost has those before it rolled back', async () => {
    const { backend, locks } = transactional();
    backend.onRelease = async ({ claim }) => (claim.key === 'nestlock:c' ? 'lost' : 'released');
    await expect(locks.run(['a', 'b', 'c'], () => 1)).rejects.toThrow(LockLostError);
    const lost = { error: expect.any(LockLostError) };
    expect(backend.grants.map(({ outcomes }) => outcomes)).toEqual([[lost], [lost], [{ ok: true }]]);
  });
});

test('several keys, one of which is lost before the end: none is committed', async () => {
  const { backend, locks } = transactional();
  const gone = new AbortController();
  backend.onAcquire = (claim) => claim.grant(claim.claim.key === 'nestlock:a' ? { lost: gone.signal } : {});
  await expect(locks.run(['a', 'b'], () => gone.abort(new Error('connection')))).rejects.toThrow(LockLostError);
  const lost = { error: expect.any(LockLostError) };
  expect(backend.grants.map(({ outcomes }) => outcomes)).toEqual([[lost], [lost]]);
});

test('a section that outlives a shutdown is rolled back when it has ended', async () => {
  const { clock, backend, locks } = transactional();
  const section = begin(locks, 'k');
  await clock.advance(0);
  const closing = track(locks.close());
  await clock.advance(10_000);
  expect([closing.state, backend.lastGrant.outcomes]).toEqual(['fulfilled', []]);
  section.finish('late');
  await clock.advance(0);
  expect(section.error).toMatchObject({ code: 'LOCK_LOST', reason: 'shutdown' });
  expect(backend.lastGrant.outcomes).toEqual([{ error: expect.any(LockLostError) }]);
});

test('several keys are refused by a backend that finds conflicts at the end', async () => {
  const clock = new FakeClock();
  const backend = new ScriptedBackend(clock, { attempts: 3 }).grantAll();
  const locks = new LockService({ backend });
  await expect(locks.run(['a', 'b'], () => 1)).rejects.toThrow(/Several keys at once cannot be used/);
  await expect(locks.run(['a', 'a'], () => 1)).resolves.toBe(1);
});

describe('grantOf', () => {
  test('gives what the store gave; of several keys the one that is given back first', async () => {
    const { backend, locks } = transactional();
    await locks.run('k', (lock) => expect(grantOf(lock, 'it')).toBe(backend.lastGrant));
    await locks.run(['b', 'a'], (lock) => expect(grantOf(lock, 'it')).toBe(backend.lastGrant));
    expect(backend.lastGrant.claim.key).toBe('nestlock:b');
  });

  test('of several keys not one that was only joined, which ends later than the others', async () => {
    const { backend, locks } = transactional();
    await locks.run('z', () =>
      locks.run(['a', 'z'], (lock) => expect(grantOf(lock, 'it')).toBe(backend.lastGrant), { reentrant: true }),
    );
    expect(backend.lastGrant.claim.key).toBe('nestlock:a');
  });

  test('of several keys nothing when one of them is lost', async () => {
    const { backend, locks } = transactional();
    const gone = new AbortController();
    backend.onAcquire = (claim) => claim.grant(claim.claim.key === 'nestlock:a' ? { lost: gone.signal } : {});
    const running = locks.run(['a', 'b'], (lock) => {
      gone.abort(new Error('connection'));
      expect(() => grantOf(lock, 'it')).toThrow(LockLostError);
    });
    await expect(running).rejects.toThrow(LockLostError);
  });

  test('refuses handles, locks that are over, and what is none', async () => {
    const { locks } = transactional();
    const handle = await locks.acquire('k');
    expect(() => grantOf(handle, 'it()')).toThrow(/it\(\) cannot be used with a handle of acquire\(\)/);
    await handle.release();
    const over = await locks.run('k', (lock) => lock);
    expect(() => grantOf(over, 'it()')).toThrow(LockLostError);
    expect(() => grantOf({} as never, 'it()')).toThrow(
      /Expected it\(\) to be given the lock that run\(\) passes to its body/,
    );
  });
});
