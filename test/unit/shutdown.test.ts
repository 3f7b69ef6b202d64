import { LockNotReadyError, LockShutdownError } from '../../lib/core/errors';
import type { LockService } from '../../lib/core/lock-service';
import { TTL, begin, gate, track, withMemory, withScript } from './support';

describe('drain', () => {
  test('refuses those who wait with LockNotReadyError (503)', async () => {
    const { clock, locks } = withMemory();
    const holder = begin(locks, 'k');
    await clock.advance(0);
    const waiting = [track(locks.acquire('k')), track(locks.acquire('k', { mode: 'shared', waitTimeout: Infinity }))];
    await clock.advance(10);
    locks.drain();
    await clock.advance(0);
    for (const { error } of waiting) {
      expect(error).toBeInstanceOf(LockNotReadyError);
      expect(error).toMatchObject({ name: 'LockNotReadyError', code: 'LOCK_NOT_READY', key: 'k', status: 503, statusCode: 503, expose: false }); // prettier-ignore
    }
    expect(holder.isRunning).toBe(true);
  });

  test('refuses those who would have to wait', async () => {
    const { clock, locks } = withMemory();
    begin(locks, 'k');
    await clock.advance(0);
    locks.drain();
    await expect(locks.acquire('k')).rejects.toThrow(LockNotReadyError);
    await expect(locks.run('k', () => {})).rejects.toThrow(LockNotReadyError);
  });

  test('refuses those who wait in the store’s queue', async () => {
    const { clock, backend, locks } = withScript();
    const waiting = track(locks.acquire('k'));
    backend.lastClaim.contended();
    await clock.advance(0);
    locks.drain();
    await clock.advance(0);
    expect(waiting.error).toBeInstanceOf(LockNotReadyError);
    expect(backend.lastClaim.aborted).toBe(true);
    expect(clock.pending).toBe(1); // shutdownTimeout
  });

  test('while the store has not said whether it is free, it decides', async () => {
    const { clock, backend, locks } = withScript();
    const [a, b, c] = ['a', 'b', 'c'].map((key) => track(locks.acquire(key)));
    locks.drain();
    await clock.advance(0);
    expect([a, b, c].map((each) => each!.state)).toEqual(['pending', 'pending', 'pending']);
    backend.claims[0]!.grant();
    backend.claims[1]!.contended();
    backend.claims[2]!.fail(new Error('down'));
    await clock.advance(0);
    expect(a!.state).toBe('fulfilled');
    expect(b!.error).toBeInstanceOf(LockNotReadyError);
    expect(c!.error).toMatchObject({ message: 'down' });
  });

  test('free locks are still granted', async () => {
    const { clock, locks } = withMemory();
    locks.drain();
    locks.drain();
    await expect(locks.run('k', () => 'ran')).resolves.toBe('ran');
    await expect(locks.run(['a', 'b'], () => 'ran')).resolves.toBe('ran');
    await expect(locks.tryAcquire('c')).resolves.not.toBeNull();
    await clock.advance(0);
  });

  test('tryAcquire still tells held from free', async () => {
    const { clock, locks } = withMemory();
    begin(locks, 'k');
    await clock.advance(0);
    locks.drain();
    await expect(locks.tryAcquire('k')).resolves.toBeNull();
    await expect(locks.run('k', () => {}, { waitTimeout: 0 })).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
  });

  test('running sections go on, and are renewed', async () => {
    const { clock, locks } = withMemory({ shutdownTimeout: 6 * TTL });
    const section = begin(locks, 'k');
    await clock.advance(0);
    locks.drain();
    await clock.advance(5 * TTL);
    expect(section.lock.held).toBe(true);
  });

  test('after shutdownTimeout it gives up by itself: Nest closes no sooner than the last request has ended', async () => {
    const { clock, backend, locks } = withScript({ shutdownTimeout: '3s' });
    backend.grantAll();
    const section = begin(locks, 'k');
    await clock.advance(0);
    const { signal } = section.lock;
    locks.drain();
    await clock.advance(2_999);
    expect([section.lock.held, signal.aborted]).toEqual([true, false]);
    await clock.advance(1);
    expect([section.lock.held, signal.aborted]).toEqual([false, true]);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'shutdown' });
    await expect(locks.run('free', () => {})).rejects.toThrow(LockShutdownError);
    await clock.advance(3 * TTL);
    expect(backend.renewals).toEqual([]);
    section.finish('late');
    await clock.advance(0);
    expect(section.error).toMatchObject({ reason: 'shutdown', result: 'late' });
    expect([backend.closed, backend.commands]).toEqual([0, ['acquire nestlock:k']]);
    await locks.close();
    expect([backend.closed, clock.pending]).toEqual([1, 0]);
  });
});

describe('close', () => {
  test.each([
    ['run', (locks: any) => locks.run('k', () => {})],
    ['acquire', (locks: any) => locks.acquire('k')],
    ['tryAcquire', (locks: any) => locks.tryAcquire('k')],
    ['several keys', (locks: any) => locks.run(['a', 'k'], () => {})],
  ])('then everything is refused: %s', async (_, call) => {
    const { backend, locks } = withScript();
    backend.grantAll();
    const closed = locks.close();
    await expect(call(locks)).rejects.toThrow(LockNotReadyError);
    await closed;
    await expect(call(locks)).rejects.toThrow(LockShutdownError);
    expect(backend.commands).toEqual([]);
  });

  test('refuses everybody in line, known to have to wait or not', async () => {
    const { clock, backend, locks } = withScript();
    const waiting = [
      track(locks.acquire('k')),
      track(locks.acquire('k')),
      track(locks.acquire('k', { mode: 'shared' })),
    ];
    const closed = track(locks.close());
    await clock.advance(0);
    for (const { error } of waiting) expect(error).toMatchObject({ code: 'LOCK_NOT_READY', key: 'k' });
    expect(backend.lastClaim.aborted).toBe(true);
    expect(closed.state).toBe('fulfilled');
    expect(clock.pending).toBe(0);
  });

  test('awaits running sections and their releases, then closes the backend once', async () => {
    const { clock, backend, locks } = withScript();
    const released = gate();
    backend.grantAll().onRelease = () => released.opened.then(() => 'released');
    const section = begin(locks, 'k');
    await clock.advance(0);
    const closed = [track(locks.close()), track(locks.close())];
    await clock.advance(1_000);
    expect(section.lock.held).toBe(true);
    section.finish('done');
    await clock.advance(0);
    expect(closed[0]!.state).toBe('pending');
    expect(backend.closed).toBe(0);
    released.open();
    await clock.advance(0);
    expect(section.value).toBe('done');
    expect(closed.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled']);
    await locks.close();
    expect(backend.closed).toBe(1);
    await clock.advance(TTL);
    expect(clock.pending).toBe(0);
  });

  test.each([
    ['run', (locks: LockService) => locks.run('k', () => {})],
    ['tryAcquire', (locks: LockService) => locks.tryAcquire('k')],
  ])('waits for claims on their way, and for what is granted too late to be put back: %s', async (_, call) => {
    const { clock, backend, locks } = withScript();
    backend.rejectsAborted = false;
    const released = gate();
    backend.onRelease = () => released.opened.then(() => 'released');
    const caller = track<unknown>(call(locks));
    const closed = track(locks.close());
    await clock.advance(10);
    expect([closed.state, backend.closed]).toEqual(['pending', 0]);
    backend.lastClaim.grant();
    await clock.advance(10);
    expect([closed.state, backend.closed]).toEqual(['pending', 0]);
    released.open();
    await clock.advance(0);
    expect(caller.error).toBeInstanceOf(LockShutdownError);
    expect([closed.state, backend.closed]).toEqual(['fulfilled', 1]);
    expect(backend.commands).toEqual(['acquire nestlock:k', 'release nestlock:k']);
  });

  test('but not for longer than shutdownTimeout', async () => {
    const { clock, backend, locks } = withScript({ shutdownTimeout: '3s' });
    backend.rejectsAborted = false;
    track(locks.acquire('k'));
    const closed = track(locks.close());
    await clock.advance(3_000);
    expect([closed.state, backend.closed]).toEqual(['fulfilled', 1]);
  });

  test('waits for every section', async () => {
    const { clock, locks } = withMemory();
    const [a, b] = [begin(locks, 'a'), begin(locks, 'b')];
    await clock.advance(0);
    const closed = track(locks.close());
    a.finish();
    await clock.advance(10);
    expect(closed.state).toBe('pending');
    b.finish();
    await clock.advance(0);
    expect(closed.state).toBe('fulfilled');
  });

  test('after shutdownTimeout it aborts the signals and stops renewing; the ttl frees the lock, not we', async () => {
    const { clock, backend, locks } = withScript({ shutdownTimeout: '3s' });
    backend.grantAll();
    const section = begin(locks, 'k');
    await clock.advance(0);
    const { signal } = section.lock;
    const closed = track(locks.close());
    await clock.advance(2_999);
    expect([signal.aborted, closed.state]).toEqual([false, 'pending']);
    await clock.advance(1);
    expect([section.lock.held, signal.aborted, closed.state, backend.closed]).toEqual([false, true, 'fulfilled', 1]);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'shutdown' });
    await clock.advance(3 * TTL);
    expect(backend.renewals).toEqual([]);
    section.finish('late');
    await clock.advance(0);
    expect(section.error).toMatchObject({ code: 'LOCK_LOST', reason: 'shutdown', result: 'late' });
    expect(backend.commands).toEqual(['acquire nestlock:k']);
    expect(clock.pending).toBe(0);
  });

  test('the time runs from drain on', async () => {
    const { clock, locks } = withMemory({ shutdownTimeout: '3s' });
    const section = begin(locks, 'k');
    await clock.advance(0);
    locks.drain();
    await clock.advance(2_000);
    const closed = track(locks.close());
    await clock.advance(999);
    expect(closed.state).toBe('pending');
    await clock.advance(1);
    expect(closed.state).toBe('fulfilled');
    expect(section.lock.held).toBe(false);
  });

  test.each([
    ['shutdownTimeout: 0', { shutdownTimeout: 0 }, 0],
    ['the time was over before', {}, 20_000],
    ['10 s by default', {}, 10_000],
  ])('does not wait any longer: %s', async (_, options, before) => {
    const { clock, locks } = withMemory(options);
    const section = begin(locks, 'k');
    await clock.advance(0);
    locks.drain();
    await clock.advance(before);
    const closed = track(locks.close());
    await clock.advance(0);
    expect(closed.state).toBe('fulfilled');
    expect(section.lock.signal.reason).toMatchObject({ reason: 'shutdown' });
  });

  test('a handle that nobody releases is waited for too, then told', async () => {
    const { clock, locks } = withMemory();
    const lock = await locks.acquire('k');
    const closed = track(locks.close());
    await clock.advance(9_999);
    expect(closed.state).toBe('pending');
    await clock.advance(1);
    expect(lock.held).toBe(false);
    await expect(lock.release()).resolves.toBeUndefined();
  });

  test('a maxHold that ran when it closed does nothing any more', async () => {
    const { clock, backend, locks } = withScript({ shutdownTimeout: 0 });
    backend.grantAll();
    begin(locks, 'k', { maxHold: '1h' });
    await clock.advance(0);
    await locks.close();
    expect(clock.pending).toBe(0);
    expect(backend.commands).toEqual(['acquire nestlock:k']);
  });

  test('a body that does not end in time frees the lock by its ttl only (memory)', async () => {
    const { clock, backend, locks } = withMemory({ shutdownTimeout: 0 });
    const { locks: other } = withMemory({ backend });
    const section = begin(locks, 'k');
    await clock.advance(0);
    await locks.close();
    section.finish();
    await clock.advance(0);
    await expect(other.tryAcquire('k')).resolves.toBeNull();
    await clock.advance(TTL);
    await expect(other.tryAcquire('k')).resolves.not.toBeNull();
  });

  test('what is granted after it began is put back', async () => {
    const { clock, backend, locks } = withScript();
    const late = track(locks.tryAcquire('k', { minHold: '1h' }));
    const closed = track(locks.close());
    backend.lastClaim.grant();
    await clock.advance(0);
    expect(late.error).toBeInstanceOf(LockNotReadyError);
    expect(backend.lastGrant.outcomes).toHaveLength(1);
    expect(closed.state).toBe('fulfilled');
    await clock.advance(0);
    expect(clock.pending).toBeLessThanOrEqual(1); // the keeper's
    await clock.advance(3_600_000);
    expect(clock.pending).toBe(0);
  });

  test('and nothing is left unhandled when that fails', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listener);
    try {
      const { clock, backend, locks } = withScript();
      backend.onRelease = () => Promise.reject(new Error('closed'));
      const late = track(locks.tryAcquire('k'));
      void locks.close();
      backend.lastClaim.grant();
      await clock.advance(0);
      await clock.advance(0);
      expect(late.error).toBeInstanceOf(LockNotReadyError);
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', listener);
    }
  });

  test('joining a hold is still possible while its section runs', async () => {
    const { clock, locks } = withMemory();
    const later = gate();
    const section = track(
      locks.run('k', async () => {
        await later.opened;
        return locks.run('k', () => 'joined', { reentrant: true });
      }),
    );
    await clock.advance(0);
    void locks.close();
    later.open();
    await clock.advance(0);
    expect(section.value).toBe('joined');
  });

  test('a backend that has nothing to close is fine; one that cannot says so', async () => {
    await expect(withMemory().locks.close()).resolves.toBeUndefined();
    const { backend, locks } = withScript();
    const error = new Error('stuck');
    backend.close = () => Promise.reject(error);
    await expect(locks.close()).rejects.toBe(error);
    await expect(locks.close()).rejects.toBe(error);
  });
});

test('a handle that was lost and never given back does not delay the shutdown', async () => {
  const { clock, locks } = withMemory();
  await locks.acquire('k', { maxHold: 1_000 });
  await clock.advance(1_000);
  const closed = track(locks.close());
  await clock.advance(0);
  expect(closed.state).toBe('fulfilled');
});

test('nor does one that is lost while the shutdown waits for it', async () => {
  const { clock, locks } = withMemory();
  await locks.acquire('k', { maxHold: 1_000 });
  const closed = track(locks.close());
  await clock.advance(999);
  expect(closed.state).toBe('pending');
  await clock.advance(1);
  expect(closed.state).toBe('fulfilled');
});

describe('open', () => {
  test('shows what the backend warns of, and passes on why it can never work', async () => {
    const warned = withMemory();
    warned.backend.open = async () => 'nobody answers at cache:6379';
    await warned.locks.open();
    expect(warned.warnings).toEqual(['nobody answers at cache:6379']);
    const refused = withMemory();
    const error = new Error('wrong password');
    refused.backend.open = () => Promise.reject(error);
    await expect(refused.locks.open()).rejects.toBe(error);
  });
});

describe('a backend that several services share', () => {
  test('is opened once, and closed with the last of them', async () => {
    const { backend, locks, warnings } = withScript();
    const { locks: other, warnings: otherWarnings } = withScript({ backend });
    const open = jest.fn(async () => 'not yet');
    Object.assign(backend, { open });
    await Promise.all([locks.open(), other.open()]);
    expect(open).toHaveBeenCalledTimes(1);
    expect([...warnings, ...otherWarnings]).toEqual(['not yet']);
    await locks.close();
    expect(backend.closed).toBe(0);
    backend.grantAll();
    await expect(other.run('k', () => 'ran')).resolves.toBe('ran');
    await other.close();
    expect(backend.closed).toBe(1);
  });

  test('one that could not be opened is opened again for the next', async () => {
    const { backend, locks } = withScript();
    const { locks: other } = withScript({ backend });
    const open = jest.fn(() => Promise.resolve()).mockRejectedValueOnce(new Error('wrong password'));
    Object.assign(backend, { open });
    await expect(locks.open()).rejects.toThrow('wrong password');
    await other.open();
    expect(open).toHaveBeenCalledTimes(2);
    await other.close();
    expect(backend.closed).toBe(1);
  });

  describe('and cannot be opened', () => {
    const refusing = () => {
      const { backend, locks } = withScript();
      const { locks: other } = withScript({ backend });
      Object.assign(backend.grantAll(), { open: () => Promise.reject(new Error('wrong password')) });
      return { backend, locks, other };
    };

    test('is closed once when all of them have left', async () => {
      const { backend, locks, other } = refusing();
      await Promise.allSettled([locks.open(), other.open()]);
      await locks.close();
      await other.close();
      expect(backend.closed).toBe(1);
    });

    test('is closed with the last of those who use it all the same', async () => {
      const { backend, locks, other } = refusing();
      await Promise.allSettled([locks.open(), other.open()]);
      await other.run('k', () => {});
      await locks.close();
      expect(backend.closed).toBe(0);
      await other.close();
      expect(backend.closed).toBe(1);
    });

    test('is closed again if it was used again', async () => {
      const { backend, locks, other } = refusing();
      await Promise.allSettled([locks.open(), other.open()]);
      await locks.close();
      await other.run('k', () => {});
      await other.close();
      expect(backend.closed).toBe(2);
    });

    test('a service whose boot has failed, and that never leaves, keeps it from nobody', async () => {
      const { backend, locks, other } = refusing();
      await Promise.allSettled([locks.open(), other.open()]); // the one waits for the answer to the other
      const { locks: next } = withScript({ backend });
      Object.assign(backend, { open: () => Promise.resolve() });
      await next.open();
      await next.close();
      expect(backend.closed).toBe(1);
    });
  });

  test('one who uses it without having opened it counts as well', async () => {
    const { backend, locks } = withScript();
    const { locks: other } = withScript({ backend });
    await locks.open();
    await locks.close();
    expect(backend.closed).toBe(0);
    await other.close();
    expect(backend.closed).toBe(1);
  });

  test('the end of one service leaves the locks of the other alone', async () => {
    const { clock, backend, locks } = withMemory({ shutdownTimeout: 0 });
    const { locks: other } = withMemory({ backend });
    const section = begin(other, 'k');
    const mine = begin(locks, 'k2');
    await clock.advance(0);
    await locks.close();
    await clock.advance(3 * TTL);
    expect([section.lock.held, mine.lock.held]).toEqual([true, false]);
  });
});

test('many handles that are found to be lost together do not fill the stack', async () => {
  const { clock, backend, locks } = withScript({ shutdownTimeout: '1h' });
  backend.grantAll();
  backend.onRenew = (renewal) => renewal.fail(new Error('down'));
  for (let i = 0; i < 5_000; i++) await locks.acquire(`k${i}`);
  const closed = track(locks.close());
  await clock.advance(TTL / 2);
  expect(closed.state).toBe('pending');
  clock.stall(TTL);
  await clock.advance(0); // one timer finds all of them
  expect(closed.state).toBe('fulfilled');
});
