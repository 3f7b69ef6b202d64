import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { LockUnavailableError } from '../../lib/core/errors';
import { TTL, begin, recordEvents, track, withMemory, withScript } from './support';
import type { Published } from './support';

const only = (events: Published[], name: string) => events.filter(({ channel }) => channel === name);

test('acquire and release carry key, mode, waited, held, fence, backend and instance', async () => {
  await recordEvents(async (events) => {
    const { clock, backend, locks } = withScript({ instance: 'ledger', prefix: 'p:' });
    const section = begin(locks, 'k', { mode: 'shared' });
    await clock.advance(120);
    backend.lastClaim.grant({ fence: 77n });
    await clock.advance(30);
    section.finish();
    await clock.advance(0);
    const origin = { key: 'p:k', mode: 'shared', backend: 'scripted', instance: 'ledger', fence: 77n };
    expect(events).toEqual([
      { channel: 'acquire', ...origin, waited: 120 },
      { channel: 'release', ...origin, held: 30 },
    ]);
  });
});

test('instance is absent for the default set-up', async () => {
  await recordEvents(async (events) => {
    const { locks } = withMemory();
    await locks.run('k', () => {});
    expect(events.map(({ instance, backend }) => [instance, backend])).toEqual([
      [undefined, 'memory'],
      [undefined, 'memory'],
    ]);
  });
});

test('contended: when a caller finds the lock held here, or the store says so', async () => {
  await recordEvents(async (events) => {
    const { clock, backend, locks } = withScript();
    track(locks.acquire('k'));
    expect(events).toEqual([]);
    backend.lastClaim.contended();
    backend.lastClaim.contended();
    await clock.advance(0);
    const expected = { channel: 'contended', key: 'nestlock:k', mode: 'exclusive', backend: 'scripted' };
    expect(events).toEqual([expect.objectContaining(expected)]);
    track(locks.acquire('k', { mode: 'shared' }));
    await clock.advance(0);
    expect(events[1]).toMatchObject({ ...expected, mode: 'shared' });
  });
});

test('contended: once for each caller, whoever finds it out', async () => {
  await recordEvents(async (events) => {
    const { clock, locks } = withMemory();
    const sections = [begin(locks, 'k'), begin(locks, 'k'), begin(locks, 'k')];
    for (const section of sections) {
      await clock.advance(0);
      section.finish();
    }
    await clock.advance(0);
    expect(only(events, 'contended')).toHaveLength(2);
  });
});

test('an uncontended lock publishes no contention', async () => {
  await recordEvents(async (events) => {
    const { locks } = withMemory();
    await locks.run('k', () => {});
    expect(only(events, 'contended')).toEqual([]);
  });
});

test('renew: one for each lock that was renewed', async () => {
  await recordEvents(async (events) => {
    const { clock, backend, locks } = withScript();
    backend.grantAll().onRenew = (renewal) => renewal.answerWith(clock.now() + TTL, undefined);
    begin(locks, 'a');
    begin(locks, 'b');
    await clock.advance(TTL / 3);
    expect(only(events, 'renew')).toEqual([
      expect.objectContaining({ key: 'nestlock:a', fence: backend.grants[0]!.fence, mode: 'exclusive' }),
    ]);
  });
});

test('lost: once, with reason, held, fence and cause, and a warning', async () => {
  await recordEvents(async (events) => {
    const { clock, backend, locks, warnings } = withScript();
    const session = new AbortController();
    backend.onAcquire = (claim) => claim.grant({ lost: session.signal });
    const section = begin(locks, 'k');
    await clock.advance(250);
    const cause = new Error('session expired');
    session.abort(cause);
    section.finish();
    await clock.advance(TTL);
    expect(only(events, 'lost')).toEqual([
      expect.objectContaining({ key: 'nestlock:k', reason: 'session', held: 250, fence: backend.lastGrant.fence, error: cause }), // prettier-ignore
    ]);
    expect(warnings).toEqual([expect.stringMatching(/"nestlock:k".*lost.*session expired/)]);
    expect(only(events, 'release')).toEqual([]);
  });
});

test.each(['expired', 'maxHold', 'shutdown'] as const)('lost: %s', async (reason) => {
  await recordEvents(async (events) => {
    const { clock, locks, warnings } = withMemory({ shutdownTimeout: 0 });
    begin(locks, 'k', reason === 'maxHold' ? { maxHold: 500 } : {});
    await clock.advance(0);
    if (reason === 'expired') clock.stall(TTL);
    if (reason === 'shutdown') await locks.close();
    await clock.advance(2 * TTL);
    expect(only(events, 'lost')).toEqual([expect.objectContaining({ reason })]);
    expect(warnings).toHaveLength(1);
  });
});

test('release-failed: instead of release', async () => {
  await recordEvents(async (events) => {
    const { backend, locks } = withScript();
    const error = new Error('down');
    backend.grantAll().onRelease = () => Promise.reject(error);
    await locks.run('k', () => {});
    expect(only(events, 'release-failed')).toEqual([expect.objectContaining({ key: 'nestlock:k', error, held: 0 })]);
    expect(only(events, 'release')).toEqual([]);
  });
});

test('a failed acquisition is no event', async () => {
  await recordEvents(async (events) => {
    const { backend, locks } = withScript();
    backend.onAcquire = (claim) => claim.fail(new LockUnavailableError('down'));
    await expect(locks.acquire('k')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    backend.onAcquire = (claim) => claim.refuse();
    await locks.tryAcquire('k');
    expect(events).toEqual([]);
  });
});

test('a joined section acquires and releases nothing', async () => {
  await recordEvents(async (events) => {
    const { locks } = withMemory();
    await locks.run('k', () => locks.run('k', () => {}, { reentrant: true }));
    expect(events.map((event) => event.channel)).toEqual(['acquire', 'release']);
  });
});

test('warnings are for lost locks and failed releases only', async () => {
  const { clock, locks, warnings } = withMemory();
  const holder = begin(locks, 'k');
  await clock.advance(0);
  await locks.tryAcquire('k');
  const waiting = track(locks.acquire('k', { waitTimeout: 10 }));
  await clock.advance(10);
  holder.fail(new Error('mine'));
  await clock.advance(TTL);
  expect(waiting.state).toBe('rejected');
  expect(warnings).toEqual([]);
});

test('nothing is published or computed while nobody listens', async () => {
  const publish = ['acquire', 'contended', 'renew', 'lost', 'release', 'release-failed'].map((name) =>
    jest.spyOn(channel(`nestlock:${name}`), 'publish'),
  );
  async function fencesRead(): Promise<number> {
    let reads = 0;
    const { clock, backend, locks } = withScript();
    backend.onRenew = (renewal) => renewal.confirm();
    backend.onAcquire = (claim) => {
      const grant = claim.grant();
      const { fence } = grant;
      Object.defineProperty(grant, 'fence', { get: () => (reads++, fence) });
    };
    const section = begin(locks, 'k');
    await clock.advance(TTL);
    section.finish();
    await clock.advance(0);
    backend.onRelease = () => Promise.reject(new Error('down'));
    await locks.run('k', () => {});
    return reads;
  }
  const quiet = await fencesRead();
  expect(quiet).toBe(2); // once for each lock's own token
  for (const spy of publish) {
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
  }
  const ignore = () => {};
  subscribe('nestlock:renew', ignore);
  expect(await fencesRead()).toBeGreaterThan(quiet);
  unsubscribe('nestlock:renew', ignore);
});

test('a release that fails after a loss publishes nothing more', async () => {
  await recordEvents(async (events) => {
    const { clock, backend, locks, warnings } = withScript();
    backend.grantAll();
    const section = begin(locks, 'k');
    await clock.advance(0);
    backend.onRelease = () => Promise.reject(new Error('down'));
    clock.stall(TTL);
    section.finish();
    await clock.advance(0);
    expect(section.error).toMatchObject({ code: 'LOCK_LOST' });
    expect(events.map(({ channel }) => channel)).toEqual(['acquire', 'lost']);
    expect(warnings).toHaveLength(1);
  });
});
