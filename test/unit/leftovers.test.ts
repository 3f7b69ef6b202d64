import { AsyncLocalStorage } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import v8 from 'node:v8';
import vm from 'node:vm';
import { memoryBackend } from '../../lib/backends/memory/memory.backend';
import { LockUnavailableError } from '../../lib/core/errors';
import { LockService } from '../../lib/core/lock-service';
import { TTL, begin, countingController, track, withMemory, withScript } from './support';

// They collect garbage many times over, in a process that has run other tests before.
jest.setTimeout(120_000);

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;

/** What is reachable, in bytes. */
async function heap(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}

const KEYS = 2_000;

/** Long, so that whatever is left of each of them shows. */
const keyOf = (i: number): string => `${'k'.repeat(1_000)}:${i}`;

/**
 * By how much the heap grows in a round of so many keys, after a first one that warms up. A leak shows in each round; what
 * tests before this one have left in the process, and V8 compiles, in some: so the least of three counts.
 */
async function growth(round: (from: number, to: number) => Promise<number>, first: number): Promise<number> {
  let before = await round(0, first);
  let least = Infinity;
  for (let i = 0; i < 3; i++) {
    const after = await round(first + i * KEYS, first + (i + 1) * KEYS);
    least = Math.min(least, after - before);
    before = after;
  }
  return least;
}

function abortedSoon(): AbortSignal {
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  return controller.signal;
}

describe('many different keys leave no memory behind, in the core or in the memory backend', () => {
  const cases: [string, (script: ReturnType<typeof withMemory>, key: string) => Promise<unknown>][] = [
    ['run', ({ locks }, key) => locks.run(key, () => {})],
    ['a failed body', ({ locks }, key) => locks.run(key, () => Promise.reject(new Error('mine'))).catch(() => {})],
    ['a handle', ({ locks }, key) => locks.acquire(key).then((lock) => lock.release())],
    ['one try', ({ locks }, key) => locks.tryAcquire(key).then((lock) => lock?.release())],
    ['a refused try', ({ locks }, key) => locks.tryAcquire([key, 'held'])],
    ['shared', ({ locks }, key) => locks.run(key, () => {}, { permits: 3 })],
    ['one behind the other', ({ locks }, key) => Promise.all([locks.run(key, () => {}), locks.run(key, () => {})])],
    ['an abort', ({ locks }, key) => locks.run([key, 'held'], () => {}, { signal: abortedSoon() }).catch(() => {})],
    [
      'an aborted signal',
      ({ locks }, key) => locks.run(key, () => {}, { signal: AbortSignal.abort() }).catch(() => {}),
    ],
    [
      'a lost lock',
      ({ locks, clock }, key) => locks.run(key, () => clock.stall(2_000), { ttl: 1_000 }).catch(() => {}),
    ],
  ];

  test.each(cases)('%s', async (_, call) => {
    const script = withMemory();
    const holder = begin(script.locks, 'held', { ttl: 2 ** 31 - 1 });
    const round = async (from: number, to: number) => {
      for (let i = from; i < to; i += 100) {
        await Promise.all(Array.from({ length: 100 }, (_, j) => call(script, keyOf(i + j))));
      }
      await script.clock.advance(TTL);
      script.warnings.length = 0;
      return heap();
    };
    expect(await growth(round, 200)).toBeLessThan(KEYS * 500);
    holder.finish();
    await script.clock.advance(0);
  });

  test('time-outs and a store that is down', async () => {
    const { clock, backend, locks } = withScript();
    const round = async (from: number, to: number) => {
      backend.onAcquire = (claim) => claim.contended();
      const calls = Array.from({ length: to - from }, (_, i) =>
        track(locks.acquire(keyOf(from + i), { waitTimeout: 10 })),
      );
      await clock.advance(10);
      backend.onAcquire = (claim) => claim.fail(new LockUnavailableError('down'));
      for (let i = from; i < to; i++) calls.push(track(locks.acquire(keyOf(i))));
      await clock.advance(0);
      expect(calls.every(({ state }) => state === 'rejected')).toBe(true);
      backend.claims.length = backend.commands.length = calls.length = 0;
      return heap();
    };
    expect(await growth(round, 100)).toBeLessThan(KEYS * 500);
  });

  test('10,000 keys, one after the other', async () => {
    const { clock, locks } = withMemory();
    const round = async (name: string) => {
      for (let i = 0; i < 10_000; i++) await locks.run(`${name}:${keyOf(i)}`, () => {});
      await clock.advance(TTL);
      return heap();
    };
    const before = await round('a');
    const grown = (await round('b')) - before;
    expect(grown).toBeLessThan(10_000 * 100);
  });
});

test('what a crowd of keys has needed is given back when all are free, though nobody comes any more', async () => {
  const { locks } = withMemory();
  const crowd = async (from: number, to: number) => {
    const held = await Promise.all(Array.from({ length: to - from }, (_, i) => locks.acquire(keyOf(from + i))));
    await Promise.all(held.map((lock) => lock.release()));
    return heap();
  };
  const before = await crowd(0, 100);
  const grown = (await crowd(100, 100 + 4 * KEYS)) - before;
  expect(grown).toBeLessThan(4 * KEYS * 300);
  await locks.run('one more', () => {}); // so that all of it is reachable until here
});

test.each([
  ['what they held', keyOf, KEYS],
  ['themselves', () => 'job', 10 * KEYS],
])(
  'a job that starts itself again from inside leaves nothing of its earlier sections behind: %s',
  async (_, keyOf, n) => {
    const { locks } = withMemory();
    let ticks = 0;
    const run = (until: number) =>
      new Promise<number>((resolve) => {
        const tick = (): unknown =>
          locks.run(keyOf(ticks), () => void setImmediate(() => (++ticks < until ? tick() : resolve(heap()))));
        void tick();
      });
    const before = await run(200);
    const after = await run(200 + n);
    expect(after - before).toBeLessThan((KEYS * 1_000) / 2);
  },
);

test('a request that has ended is not kept alive by the timers of locks that others hold', async () => {
  const request = new AsyncLocalStorage<object>();
  const locks = new LockService({ backend: memoryBackend(), ttl: 1_000 });
  const holdOnce = (): WeakRef<object> => {
    const context = {};
    void request.run(context, () => locks.run('a', () => {}));
    return new WeakRef(context);
  };
  const context = holdOnce(); // the first to need the timer
  const lock = await locks.acquire('b'); // is renewed for as long as it takes
  while (context.deref() !== undefined) await heap(); // ends the test by its time-out, if it is
  await lock.release();
});

test('sections that join an outer one leave no listener on its hold', async () => {
  const { locks } = withMemory();
  await locks.run('a', async (outer) => {
    const warned = jest.fn();
    process.on('warning', warned);
    for (let i = 0; i < 30; i++) {
      await locks.run(['a', `b${i}`], ({ signal }) => expect(signal.aborted).toBe(false), { reentrant: true });
    }
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', warned);
    expect(warned).not.toHaveBeenCalled();
    expect(getEventListeners(outer.signal, 'abort')).toEqual([]);
  });
});

test('a grant has one listener, through however many hands it passes', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll();
  const calls = Array.from({ length: 5 }, () => track(locks.run('k', () => {})));
  await clock.advance(0);
  expect(calls.map(({ state }) => state)).toEqual(Array(5).fill('fulfilled'));
  expect(backend.grants).toHaveLength(1);
  expect(backend.lastGrant.listeners).toHaveLength(1);
});

test('no timer and no unhandled rejection is left after a mixed day', async () => {
  const unhandled: unknown[] = [];
  const listener = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', listener);
  try {
    const { clock, backend, locks } = withScript();
    const signals = Array.from({ length: 100 }, () => countingController());
    backend.onRenew = (renewal) => {
      const dice = backend.renewals.length % 4;
      if (dice === 0) renewal.fail(new Error('down'));
      else if (dice === 1) renewal.answerWith(null);
      else renewal.confirm();
    };
    backend.onRelease = async (grant) => {
      if (grant.fence % 7n === 0n) throw new Error('down');
      return grant.fence % 5n === 0n ? 'lost' : 'released';
    };
    backend.onAcquire = (claim) => {
      const dice = backend.claims.length % 5;
      if (dice === 0) claim.fail(new LockUnavailableError('down'));
      else if (dice === 1) setImmediate(() => claim.grant());
      else if (dice === 2) claim.contended();
      else claim.grant();
    };
    const calls = signals.map(({ signal }, i) => {
      const options = {
        signal,
        waitTimeout: 100 * (i % 7),
        permits: i % 3 === 0 ? 2 : undefined,
        minHold: (i % 2) * 50,
      };
      const keys = i % 4 === 0 ? [`k${i % 5}`, `k${i % 3}`] : `k${i % 5}`;
      return track(locks.run(keys, () => (i % 6 === 0 ? Promise.reject(new Error('mine')) : i), options));
    });
    await clock.advance(50);
    signals.forEach((controller, i) => i % 10 === 9 && controller.abort());
    await clock.advance(3 * TTL);
    for (const claim of backend.claims) claim.fail(new LockUnavailableError('down'));
    await clock.advance(3 * TTL);
    expect(calls.filter(({ state }) => state === 'pending')).toEqual([]);
    expect(clock.pending).toBe(0);
    const leaking = signals.filter(({ listeners, signal }) => !signal.aborted && listeners !== 0);
    expect(leaking.map(({ listeners }) => listeners)).toEqual([]);
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', listener);
  }
});

test('many tries at once do not share a signal that gathers listeners', async () => {
  const { backend, locks } = withScript();
  for (let i = 0; i < 3; i++) track(locks.tryAcquire(`k${i}`));
  const signals = backend.claims.map(({ claim }) => claim.signal);
  expect(new Set(signals).size).toBe(3);
});
