import { TTL, begin, recordEvents, withMemory, withScript } from './support';

test('tokens increase over releases', async () => {
  const { locks } = withMemory();
  let last = 0n;
  for (let i = 0; i < 20; i++) {
    const token = await locks.run('k', (lock) => lock.fencingToken);
    expect(token).toBeGreaterThan(last);
    last = token;
  }
});

test('tokens increase over hand-offs, and to the holder after them', async () => {
  const { clock, backend, locks } = withMemory({ maxLocalHandoffs: 4 });
  const { locks: other } = withMemory({ backend });
  const tokens: bigint[] = [];
  const turns = Array.from({ length: 30 }, (_, i) =>
    (i % 3 === 0 ? other : locks).run('k', (lock) => void tokens.push(lock.fencingToken), { waitTimeout: '1h' }),
  );
  await clock.advance(10_000);
  await Promise.all(turns);
  expect(tokens).toHaveLength(30);
  expect(tokens).toEqual([...tokens].sort((a, b) => (a < b ? -1 : 1)));
  expect(new Set(tokens).size).toBe(30);
});

test('tokens increase over expiry', async () => {
  const { clock, backend, locks } = withMemory();
  const { locks: other } = withMemory({ backend });
  jest.spyOn(backend, 'renew').mockImplementation(() => new Promise(() => {}));
  const first = begin(locks, 'k');
  await clock.advance(0);
  const second = begin(other, 'k', { waitTimeout: '1h' });
  await clock.advance(TTL);
  expect(second.lock.fencingToken).toBeGreaterThan(first.lock.fencingToken);
  const late = await first.lock.release();
  expect(late).toBeUndefined();
  expect(second.lock.held).toBe(true);
});

test('an exclusive holder’s token is greater than those of the shared ones before, and smaller than those after', async () => {
  const { locks } = withMemory();
  const token = (options?: object) => locks.run('k', (lock) => lock.fencingToken, options);
  const before = await Promise.all([token({ mode: 'shared' }), token({ mode: 'shared' })]);
  const exclusive = await token();
  const after = await Promise.all([token({ permits: 2 }), token({ mode: 'shared' })]);
  for (const each of before) expect(exclusive).toBeGreaterThan(each);
  for (const each of after) expect(each).toBeGreaterThan(exclusive);
});

test('tokens increase over a restart of the process', async () => {
  const before = await withMemory().locks.run('k', (lock) => lock.fencingToken);
  jest.spyOn(Date, 'now').mockReturnValueOnce(Date.now() + 1_000);
  const after = await withMemory().locks.run('k', (lock) => lock.fencingToken);
  expect(after).toBeGreaterThan(before);
});

test('a joined hold has the same token', async () => {
  const { locks } = withMemory();
  await locks.run('k', async (outer) => {
    const inner = await locks.run('k', (lock) => lock.fencingToken, { reentrant: true });
    expect(inner).toBe(outer.fencingToken);
  });
});

test('a store that excludes nobody from the start gives none: asking for it throws', async () => {
  await recordEvents(async (events) => {
    const { backend, locks } = withScript();
    backend.onAcquire = (claim) => claim.grant({ fences: 0 });
    await locks.run('k', (lock) => {
      expect(() => lock.fencingToken).toThrow(expect.objectContaining({ code: 'LOCK_CONFIG' }));
      expect(lock.fencingTokens.size).toBe(0);
    });
    expect(events.map(({ channel, fence }) => [channel, fence])).toEqual([
      ['acquire', undefined],
      ['release', undefined],
    ]);
  });
});
