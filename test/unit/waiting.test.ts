import { LockTimeoutError, LockUnavailableError } from '../../lib/core/errors';
import { TTL, begin, track, withMemory, withScript } from './support';

const down = () => new LockUnavailableError('nobody answered for 2000 ms');

describe('held by another process', () => {
  test('the caller waits for its turn until waitTimeout, then gets LockTimeoutError', async () => {
    const { clock, backend, locks } = withScript();
    backend.onAcquire = (claim) => claim.contended();
    const waiting = begin(locks, 'k', { waitTimeout: 700 });
    await clock.advance(699);
    expect(waiting.state).toBe('pending');
    await clock.advance(1);
    expect(waiting.error).toBeInstanceOf(LockTimeoutError);
    expect(waiting.error).toMatchObject({ code: 'LOCK_TIMEOUT', key: 'k', waited: 700, status: 423 });
    expect(backend.lastClaim.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('the module decides how long, unless the call does', async () => {
    const { clock, backend, locks } = withScript({ waitTimeout: 50 });
    backend.onAcquire = (claim) => claim.contended();
    const a = track(locks.acquire('k'));
    const b = track(locks.acquire('k', { waitTimeout: 60 }));
    await clock.advance(50);
    expect([a.state, b.state]).toEqual(['rejected', 'pending']);
    await clock.advance(10);
    expect(b.error).toMatchObject({ waited: 60 });
  });

  test('10 s by default', async () => {
    const { clock, backend, locks } = withScript();
    backend.onAcquire = (claim) => claim.contended();
    const waiting = track(locks.acquire('k'));
    await clock.advance(9_999);
    expect(waiting.state).toBe('pending');
    await clock.advance(1);
    expect(waiting.error).toMatchObject({ code: 'LOCK_TIMEOUT', waited: 10_000 });
  });

  test('Infinity waits for as long as it takes', async () => {
    const { clock, backend, locks } = withScript();
    backend.onAcquire = (claim) => claim.contended();
    const waiting = begin(locks, 'k', { waitTimeout: Infinity });
    await clock.advance(1_000 * TTL);
    expect(waiting.state).toBe('pending');
    backend.lastClaim.grant({ validUntil: clock.now() + TTL });
    await clock.advance(0);
    expect(waiting.isRunning).toBe(true);
  });

  test('the error carries the configured status', async () => {
    const { backend, locks } = withScript({ busyStatus: 409, waitTimeout: 0 });
    backend.onAcquire = (claim) => claim.refuse();
    await expect(locks.acquire('k')).rejects.toMatchObject({ status: 409, statusCode: 409, expose: false });
  });
});

describe('one try', () => {
  test.each([
    ['run', (locks: any) => locks.run('k', () => 'ran', { waitTimeout: 0 })],
    ['acquire', (locks: any) => locks.acquire('k', { waitTimeout: 0 })],
  ])('%s with waitTimeout 0 asks once, without queueing', async (_, call) => {
    const { backend, locks } = withScript();
    backend.onAcquire = (claim) => claim.refuse();
    await expect(call(locks)).rejects.toMatchObject({ code: 'LOCK_TIMEOUT', waited: 0 });
    expect(backend.claims.map(({ claim }) => claim.wait)).toEqual([false]);
  });

  test('a free lock is got with waitTimeout 0', async () => {
    const { locks } = withMemory();
    await expect(locks.run('k', () => 'ran', { waitTimeout: 0 })).resolves.toBe('ran');
  });

  test('tryAcquire: null means held by another', async () => {
    const { backend, locks } = withScript();
    backend.onAcquire = (claim) => claim.refuse();
    await expect(locks.tryAcquire('k')).resolves.toBeNull();
    expect(backend.lastClaim.claim.wait).toBe(false);
  });

  test('tryAcquire does not ask for what is known to be held here', async () => {
    const { backend, locks } = withScript();
    backend.grantAll();
    await locks.acquire('k');
    await expect(locks.tryAcquire('k')).resolves.toBeNull();
    expect(backend.claims).toHaveLength(1);
  });

  test('shared callers know an exclusive holder here as well', async () => {
    const { clock, backend, locks } = withScript();
    backend.grantAll();
    await locks.acquire('k');
    backend.onAcquire = () => {};
    await expect(locks.tryAcquire('k', { mode: 'shared' })).resolves.toBeNull();
    const waiting = track(locks.acquire('k', { mode: 'shared', waitTimeout: 100 }));
    await clock.advance(100);
    expect(waiting.error).toMatchObject({ code: 'LOCK_TIMEOUT', waited: 100 });
  });

  test('a store that does not answer is unavailable, not busy', async () => {
    const { clock, backend, locks } = withScript();
    const attempts = [
      track(locks.tryAcquire('k')),
      track(locks.acquire('k', { waitTimeout: 0 })),
      track(locks.run('k', () => 1, { waitTimeout: 0 })),
    ];
    await clock.advance(2_000);
    for (const { state } of attempts) expect(state).toBe('pending');
    for (const claim of backend.claims) claim.fail(down());
    await clock.advance(0);
    for (const { error } of attempts) {
      expect(error).toBeInstanceOf(LockUnavailableError);
      expect(error).toMatchObject({ key: 'k', status: 503, cause: expect.any(LockUnavailableError) });
    }
  });

  test('does not overtake those who wait here, though the store would let it', async () => {
    const { clock, backend, locks } = withScript();
    backend.onAcquire = (claim) => claim.contended();
    const waiting = begin(locks, 'k');
    backend.onAcquire = (claim) => claim.grant();
    await expect(locks.tryAcquire('k')).resolves.toBeNull();
    await clock.advance(0);
    expect(waiting.isRunning).toBe(true);
    expect(backend.claims.map(({ aborted }) => aborted)).toEqual([true, false]);
  });

  test('does not overtake those who wait here for another mode either', async () => {
    const { clock, backend, locks } = withScript();
    backend.onAcquire = (claim) => claim.contended();
    const waiting = begin(locks, 'k');
    backend.onAcquire = (claim) => claim.grant();
    await expect(locks.tryAcquire('k', { mode: 'shared' })).resolves.toBeNull();
    await clock.advance(0);
    expect(waiting.state).toBe('pending');
    expect(backend.commands).toEqual(['acquire nestlock:k', 'acquire nestlock:k', 'release nestlock:k']);
    expect(backend.claims[0]!.aborted).toBe(false);
  });

  test('whoever was first when it was asked keeps what it got', async () => {
    const { clock, backend, locks } = withScript();
    const first = track(locks.tryAcquire('k'));
    const later = begin(locks, 'k');
    backend.claims[0]!.grant();
    await clock.advance(0);
    expect(first.value === null).toBe(false);
    expect(later.isRunning).toBe(false);
  });

  test('a holder whose time ended unnoticed does not stand in the way', async () => {
    const { clock, locks } = withMemory();
    await locks.acquire('k');
    clock.stall(2 * TTL);
    const lock = await locks.tryAcquire('k');
    expect(lock?.held).toBe(true);
    const waiting = track(locks.acquire('k', { waitTimeout: 10 }));
    await clock.advance(10);
    expect(waiting.error).toMatchObject({ code: 'LOCK_TIMEOUT' });
    await lock?.release();
  });

  test('after such a holder the new one is known to those who come later', async () => {
    const { clock, backend, locks } = withScript();
    backend.grantAll();
    await locks.acquire('k');
    clock.stall(2 * TTL);
    await locks.tryAcquire('k');
    await expect(locks.tryAcquire('k')).resolves.toBeNull();
    expect(backend.claims).toHaveLength(2);
  });
});

describe('LockTimeoutError only if the lock is known to be held', () => {
  test('while the store has not answered, the deadline does not end the call', async () => {
    const { clock, backend, locks } = withScript();
    const waiting = begin(locks, 'k', { waitTimeout: 100 });
    await clock.advance(1_900);
    expect(waiting.state).toBe('pending');
    backend.lastClaim.fail(down());
    await clock.advance(0);
    expect(waiting.error).toMatchObject({ code: 'LOCK_UNAVAILABLE', key: 'k' });
    expect(clock.pending).toBe(0);
  });

  test('"held" after the deadline ends it at once', async () => {
    const { clock, backend, locks } = withScript();
    const waiting = begin(locks, 'k', { waitTimeout: 100 });
    await clock.advance(500);
    backend.lastClaim.contended();
    await clock.advance(0);
    expect(waiting.error).toMatchObject({ code: 'LOCK_TIMEOUT', waited: 500 });
    expect(backend.lastClaim.aborted).toBe(true);
  });

  test('a grant after the deadline that no "held" came before is a grant', async () => {
    const { clock, backend, locks } = withScript();
    const waiting = begin(locks, 'k', { waitTimeout: 100 });
    await clock.advance(500);
    backend.lastClaim.grant();
    await clock.advance(0);
    expect(waiting.isRunning).toBe(true);
  });

  test('a holder in this process is known without asking', async () => {
    const { clock, backend, locks } = withScript();
    backend.onAcquire = (claim) => claim.grant();
    begin(locks, 'k');
    backend.onAcquire = () => {};
    const waiting = begin(locks, 'k', { waitTimeout: 100 });
    await clock.advance(100);
    expect(waiting.error).toMatchObject({ code: 'LOCK_TIMEOUT', waited: 100 });
  });

  test('callers learn it whose deadline finds the holder’s lease expired, and the store’s next holder', async () => {
    const { clock, backend, locks } = withMemory();
    const { locks: other } = withMemory({ backend });
    begin(locks, 'k');
    begin(other, 'k', { waitTimeout: Infinity });
    await clock.advance(0);
    const caller = track(locks.acquire('k', { waitTimeout: 500 })); // no claim is sent for it: it may be handed the lease
    await clock.advance(0);
    clock.stall(2 * TTL);
    await clock.advance(1);
    expect(caller.error).toBeInstanceOf(LockTimeoutError);
  });

  test('overdue callers learn it when one of them becomes the holder', async () => {
    const { clock, backend, locks } = withScript();
    const first = begin(locks, 'k', { waitTimeout: 100 });
    const second = begin(locks, 'k', { waitTimeout: 100 });
    await clock.advance(200);
    backend.lastClaim.grant();
    await clock.advance(0);
    expect(first.isRunning).toBe(true);
    expect(second.error).toMatchObject({ code: 'LOCK_TIMEOUT', waited: 200 });
  });

  test('"held" said of an earlier claim does not count for a later one that has no answer', async () => {
    const { clock, backend, locks } = withScript({ maxLocalHandoffs: 0 });
    const first = begin(locks, 'k');
    const second = begin(locks, 'k', { waitTimeout: 5_000 });
    backend.lastClaim.contended();
    await clock.advance(100);
    backend.lastClaim.grant();
    await clock.advance(0);
    first.finish();
    await clock.advance(10_000); // the store has died: the second claim has no answer
    expect(second.state).toBe('pending');
    for (const claim of backend.claims) claim.fail(down());
    await clock.advance(0);
    expect(second.error).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  });

  test('the same after a hand-off', async () => {
    const { clock, backend, locks } = withScript();
    const sections = [1, 2, 3].map(() => begin(locks, 'k', { waitTimeout: 5_000 }));
    backend.lastClaim.contended();
    await clock.advance(100);
    backend.lastClaim.grant({ fences: 2 });
    await clock.advance(0);
    sections[0]!.finish();
    await clock.advance(0);
    sections[1]!.finish();
    await clock.advance(10_000);
    expect(sections[2]!.state).toBe('pending');
  });

  test('one shared claim that waits is enough to know', async () => {
    const { clock, backend, locks } = withScript();
    const options = { permits: 2, waitTimeout: 100 };
    const waiting = [1, 2].map(() => begin(locks, 'k', options));
    for (const claim of backend.claims) claim.contended();
    await clock.advance(10);
    backend.claims[0]!.grant();
    await clock.advance(90);
    expect(waiting[0]!.isRunning).toBe(true);
    expect(waiting[1]!.error).toMatchObject({ code: 'LOCK_TIMEOUT' });
  });
});

describe('LockUnavailableError', () => {
  test('reaches everybody in the line, each with its own key and cause', async () => {
    const { clock, backend, locks } = withScript();
    const waiting = [
      track(locks.acquire('k')),
      track(locks.acquire('k')),
      track(locks.acquire('k', { mode: 'shared' })),
      track(locks.acquire(['a', 'k'], { ttl: '5s' })),
    ];
    backend.claims[1]!.grant(); // 'a'
    await clock.advance(0);
    const error = down();
    backend.claims[0]!.fail(error);
    await clock.advance(0);
    for (const each of waiting) {
      expect(each.error).toBeInstanceOf(LockUnavailableError);
      expect(each.error).toMatchObject({ code: 'LOCK_UNAVAILABLE', key: 'k', status: 503, cause: error });
    }
    expect(new Set(waiting.map((each) => each.error)).size).toBe(waiting.length);
    expect(backend.claims.map(({ claim }) => claim.key)).toEqual(['nestlock:k', 'nestlock:a']);
    expect(clock.pending).toBeLessThanOrEqual(1); // the keeper's
  });

  test('what the backend cannot do at all is told as it is, and only to those who asked for it', async () => {
    const { clock, backend, locks } = withScript();
    const shared = track(locks.acquire('k', { mode: 'shared' }));
    const exclusive = track(locks.acquire('k'));
    const refusal = new Error('no shared locks here');
    backend.onAcquire = (claim) => claim.grant();
    backend.claims[0]!.fail(refusal);
    await clock.advance(0);
    expect(shared.error).toBe(refusal);
    expect(exclusive.state).toBe('fulfilled');
  });

  test('the next caller asks again', async () => {
    const { clock, backend, locks } = withScript();
    backend.onAcquire = (claim) => claim.fail(down());
    await expect(locks.acquire('k')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    backend.grantAll();
    await expect(locks.run('k', () => 'ran')).resolves.toBe('ran');
    await clock.advance(TTL);
    expect(clock.pending).toBe(0);
  });

  test('a store that answers null to a claim that waits is unavailable', async () => {
    const { backend, locks } = withScript();
    backend.onAcquire = (claim) => claim.refuse();
    await expect(locks.acquire('k')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE', key: 'k' });
  });
});

describe('waitTimeout covers everything', () => {
  test('the local queue and the queue of the store together', async () => {
    const { clock, backend, locks } = withScript({ maxLocalHandoffs: 0 });
    backend.grantAll();
    const holder = begin(locks, 'k');
    await clock.advance(0);
    backend.onAcquire = (claim) => claim.contended();
    const waiting = begin(locks, 'k', { waitTimeout: 1_000 });
    await clock.advance(600);
    holder.finish();
    await clock.advance(399);
    expect(waiting.state).toBe('pending');
    await clock.advance(1);
    expect(waiting.error).toMatchObject({ code: 'LOCK_TIMEOUT', waited: 1_000 });
  });

  test('all keys together', async () => {
    const { clock, locks } = withMemory();
    const a = begin(locks, 'a');
    begin(locks, 'b');
    await clock.advance(0);
    const both = begin(locks, ['a', 'b'], { waitTimeout: 1_000 });
    await clock.advance(600);
    a.finish();
    await clock.advance(399);
    expect(both.state).toBe('pending');
    await clock.advance(1);
    expect(both.error).toMatchObject({ code: 'LOCK_TIMEOUT', key: 'b', waited: 1_000 });
    await expect(locks.tryAcquire('a')).resolves.not.toBeNull();
  });
});

test('a try does not overtake those who came before it, also when the first of them gives up', async () => {
  const { clock, backend, locks } = withScript();
  const first = new AbortController();
  track(locks.run('k', () => {}, { mode: 'shared', signal: first.signal }));
  const second = begin(locks, 'k');
  const tried = track(locks.tryAcquire('k'));
  await clock.advance(0);
  first.abort();
  backend.claims.find(({ claim }) => !claim.wait)!.grant();
  await clock.advance(0);
  expect([tried.state, tried.value]).toEqual(['fulfilled', null]);
  expect(second.isRunning).toBe(true);
});

test('a try gets its lock though somebody has come after it', async () => {
  const { clock, backend, locks } = withScript();
  const tried = track(locks.tryAcquire('k'));
  const later = begin(locks, 'k');
  await clock.advance(0);
  backend.claims.find(({ claim }) => !claim.wait)!.grant();
  await clock.advance(0);
  expect(tried.value).toMatchObject({ held: true });
  expect(later.isRunning).toBe(false);
});

test('any number of calls may wait with one signal: Node does not warn of them', async () => {
  const { clock, locks } = withScript();
  for (const call of ['acquire', 'tryAcquire'] as const) {
    const { signal } = new AbortController();
    track<unknown>(locks[call]('k', { signal }));
    await clock.advance(0);
    // What events.getMaxListeners reads, which throws when it is 0.
    const limit = Object.getOwnPropertySymbols(signal).find(({ description }) => description?.includes('maxEvent'))!;
    expect(Reflect.get(signal, limit)).toBe(0);
  }
});
