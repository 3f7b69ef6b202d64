import { LockService } from '../../lib/core/lock-service';
import { TTL, begin, track, withMemory, withScript } from './support';
import type { Section } from './support';

const running = (sections: Section[]) => sections.map((section) => section.isRunning);

test('callers of one key are served first come, first served, whatever their modes and ttls', async () => {
  const { clock, locks } = withMemory();
  const order: number[] = [];
  const shapes = [
    {},
    { mode: 'shared' },
    {},
    { ttl: '5s' },
    { permits: 2 },
    {},
    { mode: 'shared' },
    { permits: 1 },
    {},
  ] as const;
  const holder = begin(locks, 'k');
  await clock.advance(0);
  const all = shapes.map((options, i) => track(locks.run('k', () => void order.push(i), options)));
  holder.finish();
  await clock.advance(100);
  expect(order).toEqual(shapes.map((_, i) => i));
  expect(all.every(({ state }) => state === 'fulfilled')).toBe(true);
  await clock.advance(TTL);
  expect(clock.pending).toBe(0);
});

test('a waiting exclusive caller holds back later shared ones', async () => {
  const { clock, locks } = withMemory();
  const first = begin(locks, 'k', { mode: 'shared' });
  const writer = begin(locks, 'k');
  const later = begin(locks, 'k', { mode: 'shared' });
  await clock.advance(10);
  expect(running([first, writer, later])).toEqual([true, false, false]);
  first.finish();
  await clock.advance(0);
  expect(running([writer, later])).toEqual([true, false]);
  writer.finish();
  await clock.advance(0);
  expect(running([later])).toEqual([true]);
});

test('shared callers who wait together start together', async () => {
  const { clock, locks } = withMemory();
  const writer = begin(locks, 'k');
  const readers = [1, 2, 3].map(() => begin(locks, 'k', { mode: 'shared' }));
  await clock.advance(0);
  writer.finish();
  await clock.advance(0);
  expect(running(readers)).toEqual([true, true, true]);
});

test('keys do not wait for each other', async () => {
  const { clock, locks } = withMemory();
  const sections = ['a', 'b', 'c'].map((key) => begin(locks, key));
  await clock.advance(0);
  expect(running(sections)).toEqual([true, true, true]);
});

describe('the line has the claim, not its head', () => {
  test('a head that gives up costs the others nobody’s place', async () => {
    const { clock, backend, locks } = withScript();
    const head = track(locks.acquire('k', { waitTimeout: 100 }));
    const next = begin(locks, 'k');
    backend.lastClaim.contended();
    await clock.advance(100);
    expect(head.error).toMatchObject({ code: 'LOCK_TIMEOUT' });
    expect(backend.claims).toHaveLength(1);
    expect(backend.lastClaim.aborted).toBe(false);
    backend.lastClaim.grant();
    await clock.advance(0);
    expect(next.isRunning).toBe(true);
    expect(backend.claims).toHaveLength(1);
  });

  test('the claim is withdrawn when nobody is left', async () => {
    const { clock, backend, locks } = withScript();
    const controller = new AbortController();
    const waiting = [1, 2, 3].map(() => track(locks.acquire('k', { signal: controller.signal })));
    backend.lastClaim.contended();
    await clock.advance(0);
    expect(backend.claims).toHaveLength(1);
    controller.abort();
    await clock.advance(0);
    expect(backend.lastClaim.aborted).toBe(true);
    expect(waiting.map(({ state }) => state)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(backend.claims).toHaveLength(1);
  });

  test('the claim is withdrawn when nobody compatible is left', async () => {
    const { clock, backend, locks } = withScript();
    const head = track(locks.acquire('k', { waitTimeout: 100 }));
    const next = begin(locks, 'k', { mode: 'shared' });
    backend.lastClaim.contended();
    await clock.advance(100);
    expect(head.state).toBe('rejected');
    expect(backend.claims.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(backend.lastClaim.claim.mode).toBe('shared');
    backend.lastClaim.grant();
    await clock.advance(0);
    expect(next.isRunning).toBe(true);
  });

  test('shared callers: one that gives up takes one claim along, the youngest', async () => {
    const { clock, backend, locks } = withScript();
    const waiting = [50, 1_000, 1_000].map((waitTimeout) => begin(locks, 'k', { mode: 'shared', waitTimeout }));
    for (const claim of backend.claims) claim.contended();
    await clock.advance(50);
    expect(backend.claims.map(({ aborted }) => aborted)).toEqual([false, false, true]);
    backend.claims[0]!.grant();
    await clock.advance(0);
    expect(running(waiting)).toEqual([false, true, false]);
  });

  test('a group in the middle that gives up lets its neighbours merge', async () => {
    const { clock, locks } = withMemory();
    const holder = begin(locks, 'k');
    const before = begin(locks, 'k', { mode: 'shared' });
    const controller = new AbortController();
    const middle = track(locks.acquire('k', { signal: controller.signal }));
    const behind = begin(locks, 'k', { mode: 'shared' });
    await clock.advance(0);
    controller.abort();
    holder.finish();
    await clock.advance(0);
    expect(middle.state).toBe('rejected');
    expect(running([before, behind])).toEqual([true, true]);
  });
});

test('neighbours that merge ask the store together', async () => {
  const { clock, backend, locks } = withScript();
  const controller = new AbortController();
  backend.onAcquire = (claim) => claim.contended();
  begin(locks, 'k', { mode: 'shared' });
  track(locks.acquire('k', { signal: controller.signal }));
  begin(locks, 'k', { mode: 'shared' });
  await clock.advance(0);
  expect(backend.claims).toHaveLength(1);
  controller.abort();
  expect(backend.claims.map(({ claim, aborted }) => [claim.mode, aborted])).toEqual([
    ['shared', false],
    ['shared', false],
  ]);
});

test('a new caller joins the last group only', async () => {
  const { clock, locks } = withMemory();
  const writer = begin(locks, 'k');
  const shared = begin(locks, 'k', { mode: 'shared' });
  const second = begin(locks, 'k');
  await clock.advance(0);
  writer.finish();
  await clock.advance(0);
  expect(running([shared, second])).toEqual([true, false]);
});

test('when a holder’s time ends the next in line gets its turn, though the body still runs', async () => {
  const { clock, backend, locks } = withScript();
  backend.grantAll().onRenew = (renewal) => renewal.answerWith(undefined);
  const hanging = begin(locks, 'k');
  await clock.advance(0);
  const next = begin(locks, 'k', { waitTimeout: Infinity });
  await clock.advance(TTL);
  expect(hanging.lock.held).toBe(false);
  expect(next.isRunning).toBe(true);
});

test('a late end of a lost section does not disturb the next holder', async () => {
  const { clock, backend, locks } = withMemory();
  jest.spyOn(backend, 'renew').mockImplementationOnce(() => new Promise(() => {}));
  const hanging = begin(locks, 'k');
  await clock.advance(0);
  const next = begin(locks, 'k', { waitTimeout: Infinity });
  await clock.advance(TTL);
  expect(next.isRunning).toBe(true);
  hanging.finish();
  await clock.advance(0);
  expect(next.lock.held).toBe(true);
  await expect(locks.tryAcquire('k')).resolves.toBeNull();
});

test('callers who give up while the store answers out of step do not break the line', async () => {
  const { clock, backend, locks } = withScript();
  const permits = { permits: 2, waitTimeout: 100 };
  const [first, second, third] = [1, 2, 3].map(() => begin(locks, 'k', permits));
  await clock.advance(150);
  backend.onAcquire = (claim) => claim.contended();
  backend.claims[0]!.grant();
  await clock.advance(0);
  expect(first!.isRunning).toBe(true);
  expect(second!.error).toMatchObject({ code: 'LOCK_TIMEOUT' });
  expect(third!.state).toBe('pending'); // the store has not said anything about the one claim that is left
  backend.claims[1]!.contended();
  await clock.advance(0);
  expect(third!.error).toMatchObject({ code: 'LOCK_TIMEOUT' });
  expect(backend.claims.slice(1).every(({ aborted }) => aborted)).toBe(true);
});

describe('a key that is in use keeps its line, however many others come and go', () => {
  function scene() {
    const { clock, locks, backend } = withMemory();
    const acquire = jest.spyOn(backend, 'acquire');
    const asked = (): number => acquire.mock.calls.filter(([{ key }]) => key === 'nestlock:k').length;
    const others = async (): Promise<void> => {
      for (let i = 0; i < 2_000; i++) await locks.run(`other ${i}`, () => undefined);
    };
    return { clock, locks, backend, acquire, asked, others };
  }

  test('held', async () => {
    const { clock, locks, asked, others } = scene();
    const holder = begin(locks, 'k');
    await clock.advance(0);
    await others();
    const next = track(locks.run('k', () => 'next'));
    await clock.advance(0);
    holder.finish();
    await clock.advance(0);
    expect(next.value).toBe('next');
    expect(asked()).toBe(1); // from hand to hand
  });

  test('waited for', async () => {
    const { clock, locks, backend, asked, others } = scene();
    const elsewhere = new LockService({ backend });
    const held = await elsewhere.acquire('k');
    const order: number[] = [];
    const first = locks.run('k', () => void order.push(1));
    await clock.advance(0);
    await others();
    const second = locks.run('k', () => void order.push(2));
    await clock.advance(0);
    expect(asked()).toBe(2); // one claim for all who wait here
    await held.release();
    await Promise.all([first, second]);
    expect(order).toEqual([1, 2]);
  });

  test('tried', async () => {
    const { locks, backend, acquire, asked, others } = scene();
    const real = Object.getPrototypeOf(backend).acquire as typeof backend.acquire;
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    acquire.mockImplementationOnce((claim) => gate.then(() => real.call(backend, claim)));
    const trying = locks.tryAcquire('k');
    await others();
    open();
    const lock = (await trying)!;
    expect(await locks.tryAcquire('k')).toBeNull();
    expect(asked()).toBe(1); // it is known to be held here
    await lock.release();
  });
});

test('one who leaves with the loss that it brings to light is refused with its own reason', async () => {
  const { clock, backend, locks } = withScript();
  backend.onAcquire = (claim) => claim.grant({ validUntil: clock.now() + 5 }); // a slow answer
  const { signal } = await locks.acquire('k');
  clock.stall(10);
  const next = track(locks.acquire('k', { signal }));
  await clock.advance(0);
  expect(next.error).toBe(signal.reason);
  expect(next.error).toMatchObject({ code: 'LOCK_LOST' });
});
