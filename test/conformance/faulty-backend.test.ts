import { memoryBackend } from '../../lib/backends/memory/memory.backend';
import { LockUnavailableError } from '../../lib/core/errors';
import type { Lock } from '../../lib/core/lock';
import { LockService } from '../../lib/core/lock-service';
import type { BackendFaults } from '../../lib/testing';
import { FakeClock, faultyBackend, lockBackendCases } from '../../lib/testing';
import { EVERYTHING, memoryHarness } from './memory-harness';

const ttl = 1_000;

describe('faultyBackend', () => {
  const clock = new FakeClock();
  const store = memoryBackend({ clock });
  const faults: BackendFaults = {};
  const locks = new LockService({ backend: faultyBackend(store, faults), ttl, waitTimeout: 100 });
  const others = new LockService({ backend: store, ttl });
  let key = 0;
  let held: Lock[] = [];

  beforeEach(() => void key++);

  afterEach(async () => {
    for (const name of Object.keys(faults)) delete faults[name as keyof BackendFaults];
    await Promise.all(held.map((lock) => lock.release()));
    held = [];
    await clock.advance(ttl * 2);
    expect(clock.pending).toBe(0);
  });

  const acquire = async (from = locks): Promise<Lock> => {
    const lock = await from.acquire(`k${key}`);
    held.push(lock);
    return lock;
  };

  describe('with small delays does what every backend must', () => {
    for (const { name, run } of lockBackendCases(EVERYTHING)) {
      const delay = { delayRequest: 1, delayReply: 2 };
      const slow: BackendFaults = { acquire: delay, renew: delay, release: delay };
      test(name, () => run(memoryHarness((inner) => faultyBackend(inner, slow))));
    }
  });

  test('without faults changes nothing', async () => {
    const lock = await acquire();
    await clock.advance(ttl * 3);
    expect(lock.held).toBe(true);
    await lock.release();
    expect((await acquire(others)).held).toBe(true);
  });

  test('delays requests and replies', async () => {
    faults.acquire = { delayRequest: 10, delayReply: 20 };
    const call = acquire();
    await clock.advance(9);
    expect((await acquire(others)).held).toBe(true); // ours has not arrived yet
    await held[0]!.release();
    await clock.advance(20);
    expect(held).toHaveLength(1);
    await clock.advance(1);
    const lock = await call;
    expect(lock.remainingTime()).toBeLessThan(ttl - 20);
  });

  test('rejects an aborted claim at once and gives back what comes late', async () => {
    faults.acquire = { delayReply: 50 };
    const controller = new AbortController();
    const call = locks.acquire(`k${key}`, { signal: controller.signal });
    await clock.advance(1);
    controller.abort('gone');
    await expect(call).rejects.toBe('gone');
    expect(await others.tryAcquire(`k${key}`)).toBeNull();
    await clock.advance(50);
    expect((await acquire(others)).held).toBe(true);
  });

  test('loses requests: the store never heard of them', async () => {
    faults.acquire = { lose: 'request' };
    await expect(acquire()).rejects.toThrow(LockUnavailableError);
    expect((await acquire(others)).held).toBe(true);
  });

  test('loses replies: the store has granted, until the ttl ends', async () => {
    faults.acquire = { lose: 'reply' };
    await expect(acquire()).rejects.toThrow(LockUnavailableError);
    expect(await others.tryAcquire(`k${key}`)).toBeNull();
    await clock.advance(ttl);
    expect((await acquire(others)).held).toBe(true);
  });

  test('loses renewals, or only what the store says to them', async () => {
    const lock = await acquire();
    faults.renew = { lose: 'reply' };
    await clock.advance(ttl);
    expect(lock.held).toBe(false);
    expect(await others.tryAcquire(`k${key}`)).toBeNull(); // the store has renewed all the same
    faults.renew = { lose: 'request' };
    await clock.advance(ttl);
    expect((await acquire(others)).held).toBe(true);
  });

  test('loses releases, rejects whatever it is told to', async () => {
    const backend = faultyBackend(store, faults);
    const grant = await backend.acquire({
      key: `k${key}`,
      holder: 'h',
      mode: 'exclusive',
      permits: 1,
      ttl,
      fences: 1,
      wait: false,
      signal: new AbortController().signal,
      contended: () => undefined,
    });
    faults.release = { lose: 'request' };
    await expect(grant!.release({ ok: true })).rejects.toThrow(LockUnavailableError);
    faults.release = { reject: new TypeError('broken') };
    await expect(grant!.release({ ok: true })).rejects.toThrow('broken');
    faults.renew = { reject: new TypeError('broken') };
    await expect(backend.renew([grant!])).rejects.toThrow('broken');
    delete faults.release;
    expect(await grant!.release({ ok: true })).toBe('released');
    expect(await grant!.release({ ok: true })).toBe('released');
  });
});
