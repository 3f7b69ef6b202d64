import { randomUUID } from 'node:crypto';
import { memoryBackend } from '../../lib/backends/memory/memory.backend';
import type { Claim, Grant } from '../../lib/core/backend';
import { FakeClock } from '../../lib/testing/fake-clock';
import { track } from './support';

const TTL = 1_000;

function store() {
  const clock = new FakeClock();
  const backend = memoryBackend({ clock });
  const claim = (details: Partial<Claim> = {}): Claim => ({
    key: 'k',
    holder: randomUUID(),
    mode: 'exclusive',
    permits: details.mode === 'shared' ? Infinity : 1,
    ttl: TTL,
    fences: 1,
    wait: false,
    signal: new AbortController().signal,
    contended: () => {},
    ...details,
  });
  return {
    clock,
    backend,
    claim,
    acquire: (details?: Partial<Claim>) => backend.acquire(claim(details)),
    async got(details?: Partial<Claim>): Promise<Grant> {
      const grant = await backend.acquire(claim(details));
      if (!grant) throw new Error('not granted');
      return grant;
    },
  };
}

const ok = { ok: true } as const;

test('has the clock it was given, and the system’s by default', () => {
  const { backend, clock } = store();
  expect(backend.clock).toBe(clock);
  expect(typeof memoryBackend().clock?.now()).toBe('number');
});

test('acquire is idempotent for the holder: again for the full ttl', async () => {
  const { clock, backend, claim, acquire } = store();
  const mine = claim();
  const first = (await backend.acquire(mine))!;
  await clock.advance(600);
  const second = (await backend.acquire(mine))!;
  expect(second.validUntil).toBe(first.validUntil + 600);
  expect(second.fence).toBeGreaterThan(first.fence);
  await clock.advance(TTL - 1);
  await expect(acquire()).resolves.toBeNull();
  await expect(second.release(ok)).resolves.toBe('released');
  await expect(acquire()).resolves.not.toBeNull();
});

test('release is idempotent, and frees nothing but its own hold', async () => {
  const { got, acquire } = store();
  const first = await got();
  await expect(first.release(ok)).resolves.toBe('released');
  const second = await got();
  await expect(first.release(ok)).resolves.toBe('released');
  await expect(acquire()).resolves.toBeNull();
  await expect(second.release({ error: 1 })).resolves.toBe('released');
});

test('a release after the ttl answers "lost", whether or not another has it', async () => {
  const { clock, got } = store();
  const first = await got();
  await clock.advance(TTL);
  await expect(first.release(ok)).resolves.toBe('lost');
  const second = await got();
  await clock.advance(TTL);
  const third = await got();
  await expect(second.release(ok)).resolves.toBe('lost');
  await expect(third.release(ok)).resolves.toBe('released');
});

test('renewal is compare-and-set: not after the end, the release, or for another’s hold', async () => {
  const { clock, backend, got } = store();
  const released = await got({ key: 'a' });
  await released.release(ok);
  const expired = await got({ key: 'b' });
  await clock.advance(TTL);
  const alive = await got({ key: 'c' });
  const next = await got({ key: 'b' });
  await clock.advance(500);
  const answers = await backend.renew([released, expired, alive, next]);
  expect(answers).toEqual([null, null, alive.validUntil + 500, next.validUntil + 500]);
  await clock.advance(TTL - 1);
  await expect(alive.release(ok)).resolves.toBe('released');
});

test('an expired hold that nobody took is not renewed either', async () => {
  const { clock, backend, got } = store();
  const grant = await got();
  await clock.advance(TTL);
  await expect(backend.renew([grant])).resolves.toEqual([null]);
});

test('the provable time ends before the store’s', async () => {
  const { clock, got, acquire } = store();
  const { validUntil } = await got();
  expect(validUntil).toBeLessThan(clock.now() + TTL);
  await clock.advance(TTL - 1);
  await expect(acquire()).resolves.toBeNull();
  await clock.advance(1);
  await expect(acquire()).resolves.not.toBeNull();
});

test('a waiting claim is granted when the holder’s time ends, for its own ttl from then on', async () => {
  const { clock, acquire, got } = store();
  await got();
  const waiting = track(acquire({ wait: true }));
  await clock.advance(TTL - 1);
  expect(waiting.state).toBe('pending');
  await clock.advance(1);
  expect(waiting.value?.validUntil).toBe(clock.now() + 988);
});

test('contended is called when a claim has to wait, and only then', async () => {
  const { clock, acquire } = store();
  const contended = jest.fn();
  await acquire({ wait: true, contended });
  expect(contended).not.toHaveBeenCalled();
  void acquire({ wait: true, contended });
  await clock.advance(0);
  expect(contended).toHaveBeenCalledTimes(1);
});

test('a claim does not pass those who wait, even if it would fit', async () => {
  const { clock, acquire } = store();
  await acquire({ mode: 'shared' });
  const writer = track(acquire({ wait: true }));
  await expect(acquire({ mode: 'shared' })).resolves.toBeNull();
  const reader = track(acquire({ mode: 'shared', wait: true }));
  await clock.advance(0);
  expect([writer.state, reader.state]).toEqual(['pending', 'pending']);
});

test('those behind an aborted claim move up', async () => {
  const { clock, acquire } = store();
  await acquire({ mode: 'shared' });
  const controller = new AbortController();
  const writer = track(acquire({ wait: true, signal: controller.signal }));
  const reader = track(acquire({ mode: 'shared', wait: true }));
  await clock.advance(0);
  const reason = new Error('gone');
  controller.abort(reason);
  await clock.advance(0);
  expect(writer.error).toBe(reason);
  expect(reader.state).toBe('fulfilled');
});

test('an aborted claim does not begin to wait', async () => {
  const { clock, acquire, got } = store();
  const holder = await got();
  const reason = new Error('gone');
  await expect(acquire({ wait: true, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  await holder.release(ok);
  await expect(acquire()).resolves.not.toBeNull();
  await clock.advance(TTL);
  expect(clock.pending).toBe(0);
});

test('fencing tokens come in blocks that do not overlap, over all keys and expiries', async () => {
  const { clock, got } = store();
  let next = 0n;
  for (const fences of [1, 33, 1, 5]) {
    const grant = await got({ fences });
    expect(grant.fences).toBe(fences);
    expect(grant.fence).toBeGreaterThanOrEqual(next);
    next = grant.fence + BigInt(fences);
    await clock.advance(TTL);
  }
  expect((await got({ key: 'other' })).fence).toBeGreaterThanOrEqual(next);
});

test('no timer runs unless somebody waits', async () => {
  const { clock, acquire, got } = store();
  const holder = await got();
  expect(clock.pending).toBe(0);
  const controller = new AbortController();
  const waiting = track(acquire({ wait: true, signal: controller.signal }));
  await clock.advance(0);
  expect(clock.pending).toBe(1);
  controller.abort();
  await clock.advance(0);
  expect([waiting.state, clock.pending]).toEqual(['rejected', 0]);
  await holder.release(ok);
});
