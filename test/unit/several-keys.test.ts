import { LockConfigError } from '../../lib/core/errors';
import { TTL, begin, recordEvents, track, withMemory, withScript } from './support';

test('keys are deduplicated, taken in sorted order and given back in reverse', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  const section = begin(locks, ['b', 'c', 'a', 'b']);
  await clock.advance(0);
  expect(section.lock.keys).toEqual(['a', 'b', 'c']);
  section.finish('done');
  await clock.advance(0);
  expect(section.value).toBe('done');
  expect(backend.commands.map((command) => command.replace('nestlock:', ''))).toEqual([
    'acquire a',
    'acquire b',
    'acquire c',
    'release c',
    'release b',
    'release a',
  ]);
});

test('an array with one key, or one key twice, is one lock', async () => {
  const { locks } = withMemory();
  await locks.run(['a', 'a'], (lock) => {
    expect(lock.keys).toEqual(['a']);
    expect(lock.fencingToken).toBe(lock.fencingTokens.get('a'));
  });
});

test('the caller’s array is neither changed nor kept', async () => {
  const { locks } = withMemory();
  const keys = ['b', 'a'];
  const lock = await locks.acquire(keys);
  expect(keys).toEqual(['b', 'a']);
  keys.push('c');
  expect(lock.keys).toEqual(['a', 'b']);
});

test('fencingToken throws and says what to use; fencingTokens has one for each key', async () => {
  const { backend, locks } = withScript();
  backend.grantAll();
  const lock = await locks.acquire(['a', 'b']);
  expect(() => lock.fencingToken).toThrow(LockConfigError);
  expect(() => lock.fencingToken).toThrow(/fencingTokens.*a, b/);
  expect([...lock.fencingTokens]).toEqual(backend.grants.map((grant, i) => ['ab'[i], grant.fence]));
});

test('all or nothing: what was got is given back when another is held', async () => {
  const { clock, locks } = withMemory();
  const holder = begin(locks, 'c');
  await clock.advance(0);
  await expect(locks.tryAcquire(['a', 'b', 'c', 'd'])).resolves.toBeNull();
  for (const key of ['a', 'b', 'd']) {
    const lock = await locks.tryAcquire(key);
    expect(lock).not.toBeNull();
    await lock?.release();
  }
  expect(holder.isRunning).toBe(true);
});

test('all or nothing: what was got is given back in reverse when the caller gives up', async () => {
  const { clock, backend, locks } = withScript();
  backend.onAcquire = (claim) => (claim.claim.key === 'nestlock:c' ? claim.contended() : claim.grant());
  const controller = new AbortController();
  const waiting = track(locks.acquire(['a', 'b', 'c'], { signal: controller.signal }));
  await clock.advance(10);
  const reason = new Error('gone');
  controller.abort(reason);
  await clock.advance(0);
  expect(waiting.error).toBe(reason);
  expect(backend.commands.slice(3)).toEqual(['release nestlock:b', 'release nestlock:a']);
  expect(backend.grants.map(({ outcomes }) => outcomes)).toEqual([[{ error: reason }], [{ error: reason }]]);
});

test('all or nothing: a failing release of the others is a warning', async () => {
  const { clock, backend, locks, warnings } = withScript();
  backend.onAcquire = (claim) => (claim.claim.key === 'nestlock:b' ? claim.refuse() : claim.grant());
  backend.onRelease = () => Promise.reject(new Error('down'));
  await expect(locks.tryAcquire(['a', 'b'])).resolves.toBeNull();
  await clock.advance(0);
  expect(warnings).toHaveLength(1);
});

test('what was got for nothing is not held for minHold', async () => {
  const { clock, locks } = withMemory();
  const holder = begin(locks, 'b');
  await clock.advance(0);
  await expect(locks.tryAcquire(['a', 'b'], { minHold: '1h' })).resolves.toBeNull();
  await clock.advance(0);
  await expect(locks.tryAcquire('a')).resolves.not.toBeNull();
  expect(holder.isRunning).toBe(true);
});

test('the body does not run if one was lost while another was waited for', async () => {
  const { clock, backend, locks } = withScript();
  backend.onAcquire = (claim) => (claim.claim.key === 'nestlock:b' ? claim.contended() : claim.grant());
  backend.onRenew = (renewal) => renewal.answerWith(null);
  const section = begin(locks, ['a', 'b'], { waitTimeout: Infinity });
  await clock.advance(TTL);
  backend.lastClaim.grant({ validUntil: clock.now() + TTL });
  await clock.advance(0);
  expect(section.body.lock === undefined).toBe(true);
  expect(section.error).toMatchObject({ code: 'LOCK_LOST', key: 'a', reason: 'stolen' });
  expect(backend.grants.every(({ outcomes }) => outcomes.length > 0)).toBe(true);
});

test('locks that were got first are renewed while others are waited for', async () => {
  const { clock, locks } = withMemory();
  const holder = begin(locks, 'b');
  await clock.advance(0);
  const both = begin(locks, ['a', 'b'], { waitTimeout: Infinity });
  await clock.advance(5 * TTL);
  holder.finish();
  await clock.advance(0);
  expect(both.lock.held).toBe(true);
});

describe('one of them is lost', () => {
  async function losing() {
    const { clock, backend, locks, warnings } = withScript();
    const lost = new AbortController();
    backend.onAcquire = (claim) => claim.grant(claim.claim.key === 'nestlock:b' ? { lost: lost.signal } : {});
    const section = begin(locks, ['a', 'b', 'c']);
    await clock.advance(0);
    return { clock, backend, section, lost, warnings };
  }

  test('the signal aborts, once, and all of it is not held any more', async () => {
    const { section, lost } = await losing();
    const { lock } = section;
    let aborts = 0;
    lock.signal.addEventListener('abort', () => aborts++);
    expect([lock.held, lock.remainingTime() > 0]).toEqual([true, true]);
    lost.abort(new Error('session'));
    expect([lock.held, lock.remainingTime(), aborts]).toEqual([false, 0, 1]);
    expect(lock.signal.reason).toMatchObject({ code: 'LOCK_LOST', key: 'b', reason: 'session' });
    expect(() => lock.assertHeld()).toThrow(expect.objectContaining({ key: 'b' }));
  });

  test('a signal that is asked for only then has aborted', async () => {
    const { section, lost } = await losing();
    lost.abort(new Error('session'));
    expect(section.lock.signal.aborted).toBe(true);
  });

  test('run rejects with LockLostError of that key, and the others are released', async () => {
    const { clock, backend, section, lost } = await losing();
    lost.abort(new Error('session'));
    section.finish('done');
    await clock.advance(0);
    expect(section.error).toMatchObject({ code: 'LOCK_LOST', key: 'b', reason: 'session', result: 'done' });
    expect(backend.commands.slice(3)).toEqual(['release nestlock:c', 'release nestlock:b', 'release nestlock:a']);
  });
});

test('after a stall the signal of several has aborted at first look', async () => {
  const { clock, locks } = withMemory();
  const lock = await locks.acquire(['a', 'b']);
  const { signal } = lock;
  clock.stall(TTL);
  expect(lock.signal.aborted).toBe(true);
  expect(signal.aborted).toBe(true);
});

test('remainingTime is the shortest', async () => {
  const { clock, backend, locks } = withScript();
  backend.onAcquire = (claim) =>
    claim.grant({ validUntil: clock.now() + (claim.claim.key === 'nestlock:b' ? 500 : 900) });
  const lock = await locks.acquire(['a', 'b', 'c']);
  expect(lock.remainingTime()).toBe(500);
});

test('opposite orders do not block each other', async () => {
  const { clock, locks } = withMemory();
  const keys = ['a', 'b', 'c', 'd'];
  const sections = Array.from({ length: 40 }, (_, i) => {
    const mine = i % 2 === 0 ? keys : [...keys].reverse();
    return track(
      locks.run([mine[i % 4]!, mine[(i + 1) % 4]!, mine[(i + 3) % 4]!], async () => i, { waitTimeout: 1_000 }),
    );
  });
  await clock.advance(100);
  expect(sections.map(({ state }) => state)).toEqual(sections.map(() => 'fulfilled'));
});

test('release of the handle gives all back and awaits them', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  const lock = await locks.acquire(['a', 'b']);
  const released = track(lock.release());
  await clock.advance(0);
  expect(released.state).toBe('fulfilled');
  await lock.release();
  expect(backend.commands.filter((command) => command.startsWith('release'))).toHaveLength(2);
  expect(lock.held).toBe(false);
});

test('every key has its own events', async () => {
  await recordEvents(async (events) => {
    const { clock, locks } = withMemory();
    await locks.run(['b', 'a'], () => {});
    await clock.advance(0);
    expect(events.map(({ channel, key }) => `${channel} ${key}`)).toEqual([
      'acquire nestlock:a',
      'acquire nestlock:b',
      'release nestlock:b',
      'release nestlock:a',
    ]);
  });
});
