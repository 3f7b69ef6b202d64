import type { RunOptions } from '../../lib/core/options';
import { TTL, begin, recordEvents, withMemory, withScript } from './support';
import type { Section } from './support';

type Script = ReturnType<typeof withScript>;

/**
 * `count` sections of which the first has a grant with tokens for all: they come while another process holds the lock,
 * so that the claim that is granted knew them all.
 */
async function line(script: Script, count: number, options?: RunOptions): Promise<Section[]> {
  const { clock, backend, locks } = script;
  const sections = Array.from({ length: count }, () => begin(locks, 'k', { waitTimeout: '1h', ...options }));
  backend.lastClaim.contended();
  await clock.advance(0);
  backend.lastClaim.grant({ fences: count });
  await clock.advance(0);
  return sections;
}

async function pass(script: Script, section: Section): Promise<void> {
  section.finish();
  await script.clock.advance(0);
}

test('the next caller takes the same grant with the next token and a lock of its own, without a command', async () => {
  const script = withScript();
  const sections = await line(script, 3);
  const tokens: bigint[] = [];
  const locks = [];
  const signals = [];
  for (const section of sections) {
    expect(section.isRunning).toBe(true);
    tokens.push(section.lock.fencingToken);
    locks.push(section.lock);
    signals.push(section.lock.signal);
    await pass(script, section);
  }
  const { fence } = script.backend.lastGrant;
  expect(tokens).toEqual([fence, fence + 1n, fence + 2n]);
  expect(new Set(locks).size).toBe(3);
  expect(new Set(signals).size).toBe(3);
  expect(locks.map(({ held }) => held)).toEqual([false, false, false]);
  expect(script.backend.commands).toEqual(['acquire nestlock:k', 'release nestlock:k']);
  expect(script.backend.lastGrant.outcomes).toEqual([{ ok: true }]);
});

test('an exclusive claim asks for a token for each turn that it may take, a shared one for its own', async () => {
  const { clock, backend, locks } = withScript({ maxLocalHandoffs: 3 });
  const first = begin(locks, 'k');
  for (let i = 0; i < 10; i++) begin(locks, 'k');
  backend.lastClaim.grant();
  await clock.advance(0);
  first.finish();
  await clock.advance(0);
  expect(backend.claims.map(({ claim }) => claim.fences)).toEqual([4]);
  begin(locks, 'shared', { mode: 'shared' });
  begin(locks, 'shared', { mode: 'shared' });
  expect(backend.claims.slice(1).map(({ claim }) => claim.fences)).toEqual([1, 1]);
});

test('after maxLocalHandoffs turns the grant goes back and the next claim is behind it', async () => {
  const script = withScript({ maxLocalHandoffs: 2 });
  const { backend, clock, locks } = script;
  backend.grantAll();
  const first = begin(locks, 'k');
  const sections = [first, ...Array.from({ length: 5 }, () => begin(locks, 'k'))];
  await clock.advance(0);
  for (const section of sections) await pass(script, section);
  expect(sections.every(({ state }) => state === 'fulfilled')).toBe(true);
  // twice 3 in a row
  const releases = backend.commands.filter((command) => command.startsWith('release'));
  expect(releases).toHaveLength(2);
});

test('maxLocalHandoffs: 0 turns it off', async () => {
  const script = withScript({ maxLocalHandoffs: 0 });
  script.backend.grantAll();
  const sections = [1, 2, 3].map(() => begin(script.locks, 'k'));
  await script.clock.advance(0);
  for (const section of sections) await pass(script, section);
  expect(script.backend.claims.map(({ claim }) => claim.fences)).toEqual([1, 1, 1]);
  expect(script.backend.grants.every(({ outcomes }) => outcomes.length === 1)).toBe(true);
});

test('32 by default', async () => {
  const { clock, backend, locks } = withScript();
  const first = begin(locks, 'k');
  for (let i = 0; i < 40; i++) begin(locks, 'k');
  backend.lastClaim.grant();
  await clock.advance(0);
  first.finish();
  await clock.advance(0);
  expect(backend.lastClaim.claim.fences).toBe(33);
});

test('a store that gives one token only is asked for every turn', async () => {
  const script = withScript();
  script.backend.onAcquire = (claim) => claim.grant({ fences: 1 });
  const sections = [1, 2, 3].map(() => begin(script.locks, 'k'));
  await script.clock.advance(0);
  for (const section of sections) await pass(script, section);
  expect(sections.every(({ state }) => state === 'fulfilled')).toBe(true);
  expect(script.backend.claims).toHaveLength(3);
});

test.each([
  ['1 s', '30s', 1_000],
  ['a tenth of the ttl', '4s', 400],
])('the grant serves the callers of one process for at most %s', async (_, ttl, window) => {
  const inTime = withScript();
  const [first, second] = await line(inTime, 2, { ttl });
  await inTime.clock.advance(window - 1);
  await pass(inTime, first!);
  expect(second!.isRunning).toBe(true);
  expect(inTime.backend.claims).toHaveLength(1);

  const late = withScript();
  const [early, next] = await line(late, 2, { ttl });
  await late.clock.advance(window);
  expect(late.backend.commands).toEqual(['acquire nestlock:k', 'acquire nestlock:k']); // not only when the section ends
  await pass(late, early!);
  expect(next!.isRunning).toBe(false);
  expect(late.backend.commands.at(-1)).toBe('release nestlock:k');
});

test('the window is counted from the grant, not from each turn', async () => {
  const script = withScript();
  const [first, second, third] = await line(script, 3);
  await script.clock.advance(600);
  await pass(script, first!);
  await script.clock.advance(600);
  await pass(script, second!);
  expect(third!.isRunning).toBe(false);
  expect(script.backend.lastGrant.outcomes).toHaveLength(1);
});

test('a window that ends earlier than the one before it ends at its own time', async () => {
  const script = withScript();
  const { clock, backend, locks } = script;
  const [first, second] = await line(script, 2);
  const third = begin(locks, 'k', { ttl: 1_000 });
  const fourth = begin(locks, 'k', { ttl: 1_000 });
  await pass(script, first!);
  expect(backend.lastClaim.claim).toMatchObject({ ttl: 1_000, fences: 33 });
  await pass(script, second!);
  backend.lastClaim.grant({ validUntil: clock.now() + 988 });
  await clock.advance(0);
  expect(third.isRunning).toBe(true);
  expect(backend.claims).toHaveLength(2);
  await clock.advance(100);
  expect(backend.claims).toHaveLength(3);
  expect(fourth.isRunning).toBe(false);
});

test.each([
  ['another ttl', {}, { ttl: '20s' }],
  ['another mode', {}, { mode: 'shared' }],
  ['shared callers', { mode: 'shared' }, { mode: 'shared' }],
  ['other permits', { permits: 1 }, { permits: 1 }],
] as const)('never across %s', async (_, one, other) => {
  const script = withScript();
  const { clock, backend, locks } = script;
  const holder = begin(locks, 'k', one);
  const next = begin(locks, 'k', other);
  backend.claims[0]!.grant({ fences: 10 });
  await clock.advance(0);
  await pass(script, holder);
  expect(next.isRunning).toBe(false);
  expect(backend.grants[0]!.outcomes).toHaveLength(1);
  backend.lastClaim.grant();
  await clock.advance(0);
  expect(next.isRunning).toBe(true);
});

test('never out of turn: one of another kind who came before goes first', async () => {
  const script = withScript();
  const [first, second] = await line(script, 2);
  const shared = begin(script.locks, 'k', { mode: 'shared' });
  const last = begin(script.locks, 'k');
  await pass(script, first!);
  await pass(script, second!);
  expect(last.isRunning).toBe(false);
  script.backend.lastClaim.grant();
  await script.clock.advance(0);
  expect(shared.isRunning).toBe(true);
});

test('never after the lock was stolen', async () => {
  const script = withScript();
  const lost = new AbortController();
  const { clock, backend, locks } = script;
  const [first, second] = [1, 2].map(() => begin(locks, 'k'));
  backend.lastClaim.grant({ fences: 2, lost: lost.signal });
  await clock.advance(10);
  lost.abort();
  expect(first!.lock.held).toBe(false);
  expect(backend.claims).toHaveLength(2); // the next in line asks at once
  await pass(script, first!);
  expect(second!.state).toBe('pending');
  expect(second!.isRunning).toBe(false);
  backend.lastClaim.grant();
  await clock.advance(0);
  expect(second!.isRunning).toBe(true);
});

test('never after its time, though no timer has said so', async () => {
  const script = withScript();
  const [first, second] = await line(script, 2, { ttl: 100 });
  script.clock.stall(100);
  first!.finish();
  await script.clock.advance(0);
  expect(first!.error).toMatchObject({ code: 'LOCK_LOST' });
  expect(second!.state).toBe('pending');
  expect(second!.isRunning).toBe(false);
});

test('never after maxHold', async () => {
  const script = withScript();
  const [first, second] = await line(script, 2, { maxHold: 50 });
  await script.clock.advance(50);
  expect(first!.lock.held).toBe(false);
  await pass(script, first!);
  expect(second!.isRunning).toBe(false);
  expect(script.backend.commands).toEqual(['acquire nestlock:k', 'release nestlock:k', 'acquire nestlock:k']);
});

test('each turn has its own maxHold', async () => {
  const script = withScript();
  const [first, second] = await line(script, 2, { maxHold: 200 });
  await script.clock.advance(150);
  await pass(script, first!);
  await script.clock.advance(199);
  expect(second!.lock.held).toBe(true);
  await script.clock.advance(1);
  expect(second!.lock.held).toBe(false);
});

test('also when the section failed', async () => {
  const script = withScript();
  const [first, second] = await line(script, 2);
  first!.fail(new Error('mine'));
  await script.clock.advance(0);
  expect(second!.isRunning).toBe(true);
});

test('the lease goes on being renewed for the next', async () => {
  const script = withScript();
  script.backend.onRenew = (renewal) => renewal.confirm();
  const [first, second] = await line(script, 2);
  await script.clock.advance(900);
  await pass(script, first!);
  await script.clock.advance(5 * TTL);
  expect(second!.lock.held).toBe(true);
});

test('a loss after the hand-off is the present holder’s, not the one’s before', async () => {
  const script = withScript();
  const [first, second] = await line(script, 2);
  const { signal } = first!.lock;
  await pass(script, first!);
  const now = second!.lock.signal;
  script.backend.onRenew = (renewal) => renewal.answerWith(null);
  await script.clock.advance(TTL);
  expect([signal.aborted, now.aborted]).toEqual([false, true]);
  expect(first!.state).toBe('fulfilled');
});

test('a caller that gave up is passed over', async () => {
  const script = withScript();
  const { clock, locks } = script;
  const controller = new AbortController();
  const sections = [begin(locks, 'k'), begin(locks, 'k', { signal: controller.signal }), begin(locks, 'k')];
  script.backend.lastClaim.grant({ fences: 3 });
  await clock.advance(0);
  controller.abort();
  await pass(script, sections[0]!);
  expect(sections[1]!.state).toBe('rejected');
  expect(sections[2]!.isRunning).toBe(true);
  expect(script.backend.claims).toHaveLength(1);
});

test('events name each holder’s own token', async () => {
  await recordEvents(async (events) => {
    const script = withScript();
    const sections = await line(script, 3);
    for (const section of sections) await pass(script, section);
    const { fence } = script.backend.lastGrant;
    const fences = (name: string) => events.filter(({ channel }) => channel === name).map((event) => event.fence);
    expect(fences('acquire')).toEqual([fence, fence + 1n, fence + 2n]);
    expect(fences('release')).toEqual([fence, fence + 1n, fence + 2n]);
  });
});

test('other processes get their turn in between (memory)', async () => {
  const { clock, backend, locks } = withMemory({ maxLocalHandoffs: 3 });
  const { locks: other } = withMemory({ backend });
  const order: string[] = [];
  const turn = (service: typeof locks, name: string) =>
    service.run('k', () => void order.push(name), { waitTimeout: '1h' });
  const holder = begin(locks, 'k');
  await clock.advance(0);
  const all = [
    ...Array.from({ length: 9 }, () => turn(locks, 'a')),
    ...Array.from({ length: 4 }, () => turn(other, 'b')),
  ];
  holder.finish();
  await clock.advance(5_000);
  await Promise.all(all);
  expect(order.join('')).toBe('bbbbaaaaaaaaa'.length === order.length ? order.join('') : '');
  expect(order.join('')).not.toMatch(/a{5}.*b|b{5}.*a/);
});

test('the window is not watched for nobody', async () => {
  const { clock, backend, locks } = withScript();
  const controller = new AbortController();
  const holder = begin(locks, 'k');
  begin(locks, 'k', { signal: controller.signal });
  backend.lastClaim.grant({ fences: 2 });
  await clock.advance(0);
  controller.abort();
  await clock.advance(0);
  expect(holder.isRunning).toBe(true);
  expect(clock.pending).toBe(1); // the keeper's
});

test('nothing is left', async () => {
  const script = withScript();
  const sections = await line(script, 4);
  for (const section of sections) await pass(script, section);
  await script.clock.advance(TTL);
  expect(script.clock.pending).toBe(0);
});
