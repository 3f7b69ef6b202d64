import { LockLostError, LockTimeoutError, LockUnavailableError } from '../../lib/core/errors';
import { LockService } from '../../lib/core/lock-service';
import { FakeClock, TestLockBackend, lockBackendCases } from '../../lib/testing';
import { EVERYTHING, harnessOf } from './memory-harness';

const ttl = 1_000;

describe('TestLockBackend', () => {
  const clock = new FakeClock();
  let backend: TestLockBackend;
  let locks: LockService;

  beforeEach(() => {
    backend = new TestLockBackend({ clock });
    locks = new LockService({ backend, ttl, waitTimeout: 100 });
  });

  afterEach(async () => {
    backend.comeUp();
    const closed = locks.close();
    await clock.advance(20_000);
    await closed;
  });

  describe('does what every backend must', () => {
    for (const { name, run } of lockBackendCases(EVERYTHING)) {
      const clock = new FakeClock();
      test(name, () => run(harnessOf(clock, { backend: new TestLockBackend({ clock, prefix: '' }) })));
    }
  });

  test('holds a lock as another process would', async () => {
    const letGo = await backend.holdElsewhere('k');
    expect(await locks.tryAcquire('k')).toBeNull();
    const call = locks.acquire('k').catch((error: unknown) => error);
    await clock.advance(100);
    expect(await call).toBeInstanceOf(LockTimeoutError);
    await letGo();
    await letGo();
    expect((await locks.acquire('k')).held).toBe(true);
  });

  test('holds it shared, or for some time only', async () => {
    await backend.holdElsewhere('shared', { mode: 'shared' });
    await backend.holdElsewhere('permits', { permits: 2 });
    await backend.holdElsewhere('dying', { ttl: 300 });
    expect(await locks.tryAcquire('shared')).toBeNull();
    expect(await locks.tryAcquire('shared', { mode: 'shared' })).not.toBeNull();
    expect(await locks.tryAcquire('permits', { permits: 2 })).not.toBeNull();
    expect(await locks.tryAcquire('permits', { permits: 2 })).toBeNull();
    expect(await locks.tryAcquire('dying')).toBeNull();
    await clock.advance(300);
    expect(await locks.tryAcquire('dying')).not.toBeNull();
  });

  test('waits to hold a lock that the application holds', async () => {
    const lock = await locks.acquire('k');
    const holding = backend.holdElsewhere('k');
    await lock.release();
    await holding;
    expect(await locks.tryAcquire('k')).toBeNull();
  });

  test('lets the application lose a lock, which learns of it at once', async () => {
    const lock = await locks.acquire('k');
    const { signal } = lock;
    backend.lose('other');
    expect(lock.held).toBe(true);
    backend.lose('k');
    expect(lock.held).toBe(false);
    expect(signal.reason).toBeInstanceOf(LockLostError);
    expect(signal.reason).toMatchObject({ reason: 'stolen', key: 'k' });
    expect(await locks.tryAcquire('k')).not.toBeNull();
  });

  test('does not take from others what the application is to lose', async () => {
    await backend.holdElsewhere('k');
    backend.lose('k');
    expect(await locks.tryAcquire('k')).toBeNull();
  });

  test('makes run reject with LockLostError and the result', async () => {
    const run = locks.run('k', () => {
      backend.lose('k');
      return 42;
    });
    await expect(run).rejects.toMatchObject({ code: 'LOCK_LOST', reason: 'stolen', result: 42 });
  });

  test('lets a ttl end: the next renewal says so', async () => {
    const lock = await locks.acquire('k');
    const { signal } = lock;
    backend.expire('k');
    expect(lock.held).toBe(true);
    await clock.advance(ttl / 3 + 1);
    expect(lock.held).toBe(false);
    expect(signal.aborted).toBe(true);
  });

  test('lets a ttl end: others get it, and the release says so', async () => {
    const run = locks.run('k', async () => {
      backend.expire('k');
      await backend.holdElsewhere('k');
    });
    await expect(run).rejects.toThrow(LockLostError);
    expect(await locks.tryAcquire('k')).toBeNull();
    backend.expire('k');
    expect(await locks.tryAcquire('k')).not.toBeNull();
  });

  test('is down for claims, those that wait included, and comes up again', async () => {
    await backend.holdElsewhere('k');
    const waiting = locks.acquire('k', { waitTimeout: Infinity });
    await clock.advance(1);
    backend.goDown();
    await expect(waiting).rejects.toThrow(LockUnavailableError);
    await expect(locks.acquire('free')).rejects.toThrow(LockUnavailableError);
    await expect(locks.tryAcquire('k')).rejects.toThrow(LockUnavailableError);
    backend.comeUp();
    expect(await locks.tryAcquire('k')).toBeNull();
    expect(await locks.tryAcquire('free')).not.toBeNull();
  });

  test('knows nothing of renewals while it is down', async () => {
    const [short, long] = [await locks.acquire('short'), await locks.acquire('long', { ttl: ttl * 3 })];
    backend.goDown();
    await clock.advance(ttl);
    expect([short.held, long.held]).toEqual([false, true]);
    backend.comeUp();
    await clock.advance(ttl * 3);
    expect(long.held).toBe(true);
  });

  test('tells what was asked for and what was granted', async () => {
    const letGo = await backend.holdElsewhere('k');
    await locks.tryAcquire('k');
    await letGo();
    await locks.run('k', () => undefined, { label: 'mine' });
    await locks.run('other', () => undefined);
    expect(backend.asked('k').map(({ wait }) => wait)).toEqual([false, true]);
    expect(backend.acquired('k').map(({ key, label }) => ({ key, label }))).toEqual([
      { key: 'nestlock:k', label: 'mine' },
    ]);
  });

  test('takes the prefix of the module', async () => {
    const other = new TestLockBackend({ clock, prefix: 'app:' });
    await other.holdElsewhere('k');
    expect(await new LockService({ backend: other, prefix: 'app:' }).tryAcquire('k')).toBeNull();
  });
});
