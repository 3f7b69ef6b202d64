import { LockLostError, LockReentryError } from '../../lib/core/errors';
import type { Lock } from '../../lib/core/lock';
import { TTL, begin, gate, track, withMemory, withScript } from './support';

describe('the same key again on the same async path', () => {
  test.each([
    ['run', (locks: any) => locks.run('k', () => 'ran')],
    ['run, shared', (locks: any) => locks.run('k', () => 'ran', { mode: 'shared' })],
    ['run, one of several keys', (locks: any) => locks.run(['a', 'k'], () => 'ran')],
    ['acquire', (locks: any) => locks.acquire('k')],
    ['acquire, several keys', (locks: any) => locks.acquire(['a', 'k'])],
    ['tryAcquire', (locks: any) => locks.tryAcquire('k')],
  ])('%s throws at once: never a hang', async (_, call) => {
    const { clock, backend, locks } = withScript();
    backend.grantAll();
    await locks.run('k', async () => {
      const inner = track(call(locks));
      await clock.advance(0);
      expect(inner.error).toBeInstanceOf(LockReentryError);
      expect(inner.error).toMatchObject({ code: 'LOCK_REENTRY', key: 'k' });
      await Promise.resolve();
      await expect(call(locks)).rejects.toThrow(LockReentryError);
    });
    expect(backend.commands).toEqual(['acquire nestlock:k', 'release nestlock:k']);
  });

  test('also below another key, in timers and after awaits', async () => {
    const { locks } = withMemory();
    await locks.run('k', () =>
      locks.run('other', async () => {
        await new Promise((resolve) => setImmediate(resolve));
        await expect(locks.run('k', () => {})).rejects.toThrow(LockReentryError);
      }),
    );
  });

  test('another key, or another service, is no re-entry', async () => {
    const { backend, locks } = withMemory();
    const { locks: other } = withMemory({ backend, prefix: 'other:' });
    await locks.run('k', async () => {
      await expect(locks.run('k2', () => 'ran')).resolves.toBe('ran');
      await expect(other.run('k', () => 'ran', { reentrant: true })).resolves.toBe('ran');
      expect(other.current('k') === undefined).toBe(true);
    });
  });

  test('two services over one backend exclude each other even on one path', async () => {
    const { backend, locks } = withMemory();
    const { locks: other } = withMemory({ backend });
    await locks.run('k', async () => {
      await expect(other.tryAcquire('k')).resolves.toBeNull();
    });
  });

  test('another path waits its turn', async () => {
    const { clock, locks } = withMemory();
    const first = begin(locks, 'k');
    const second = begin(locks, 'k', { reentrant: true });
    await clock.advance(0);
    expect(second.isRunning).toBe(false);
    first.finish();
    await clock.advance(0);
    expect(second.isRunning).toBe(true);
  });
});

describe('reentrant: true', () => {
  test('joins the hold: same lock, same token, no command', async () => {
    const { backend, locks } = withScript();
    backend.grantAll();
    const result = await locks.run('k', (outer) =>
      locks.run(
        'k',
        (inner) => {
          expect(inner.fencingToken).toBe(outer.fencingToken);
          expect(inner.held).toBe(true);
          expect(inner === outer).toBe(true);
          return 'inner';
        },
        { reentrant: true },
      ),
    );
    expect(result).toBe('inner');
    expect(backend.commands).toEqual(['acquire nestlock:k', 'release nestlock:k']);
  });

  test('takes the lock when there is nothing to join', async () => {
    const { locks } = withMemory();
    await expect(locks.run('k', (lock) => lock.held, { reentrant: true })).resolves.toBe(true);
  });

  test('the lock is released when the outermost section and every joined one have ended', async () => {
    const { clock, backend, locks } = withScript();
    backend.grantAll();
    const inner = gate();
    let joined!: Promise<boolean>;
    const outer = track(
      locks.run('k', (lock) => {
        joined = locks.run(
          'k',
          async () => {
            await inner.opened;
            return lock.held;
          },
          { reentrant: true },
        );
        joined.catch(() => {});
        return 'outer';
      }),
    );
    await clock.advance(100);
    expect(outer.state).toBe('pending');
    expect(backend.commands).toEqual(['acquire nestlock:k']);
    inner.open();
    await clock.advance(0);
    await expect(joined).resolves.toBe(true);
    expect(outer.value).toBe('outer');
    expect(backend.commands).toEqual(['acquire nestlock:k', 'release nestlock:k']);
  });

  test('joined sections may be nested, side by side, and fail on their own', async () => {
    const { backend, locks } = withScript();
    backend.grantAll();
    const join = <T>(body: () => T | Promise<T>) => locks.run('k', body, { reentrant: true });
    await locks.run('k', async (lock) => {
      const error = new Error('mine');
      await expect(join(() => Promise.reject(error))).rejects.toBe(error);
      expect(lock.held).toBe(true);
      await expect(join(() => join(() => join(() => 'deep')))).resolves.toBe('deep');
      await expect(Promise.all([join(() => 1), join(async () => 2)])).resolves.toEqual([1, 2]);
      expect(lock.held).toBe(true);
    });
    expect(backend.commands).toEqual(['acquire nestlock:k', 'release nestlock:k']);
  });

  test('the outer section fails; the lock is kept until the joined one has ended', async () => {
    const { clock, backend, locks } = withScript();
    backend.grantAll();
    const inner = gate();
    const error = new Error('mine');
    const outer = track(
      locks.run('k', () => {
        void locks.run('k', () => inner.opened, { reentrant: true });
        throw error;
      }),
    );
    await clock.advance(10);
    expect(outer.state).toBe('pending');
    inner.open();
    await clock.advance(0);
    expect(outer.error).toBe(error);
    expect(backend.lastGrant.outcomes).toEqual([{ error }]);
  });

  test('exclusive held joins shared and exclusive; shared held joins shared', async () => {
    const { locks } = withMemory();
    await locks.run('k', async (outer) => {
      const inner = await locks.run('k', (lock) => lock.fencingToken, { mode: 'shared', reentrant: true });
      expect(inner).toBe(outer.fencingToken);
    });
    await locks.run(
      'k',
      async (outer) => {
        const inner = await locks.run('k', (lock) => lock.fencingToken, { mode: 'shared', reentrant: true });
        expect(inner).toBe(outer.fencingToken);
      },
      { mode: 'shared' },
    );
  });

  test.each([true, false])('shared held never becomes exclusive (reentrant: %s)', async (reentrant) => {
    const { locks } = withMemory();
    await locks.run(
      'k',
      async () => {
        const inner = locks.run('k', () => 'ran', { reentrant });
        await expect(inner).rejects.toMatchObject({
          code: 'LOCK_REENTRY',
          message: expect.stringMatching(/exclusive/),
        });
      },
      { mode: 'shared' },
    );
  });

  test('a lock that is lost is not joined', async () => {
    const { clock, locks } = withMemory();
    let ran = false;
    const outer = track(
      locks.run('k', async () => {
        clock.stall(2 * TTL);
        await expect(locks.run('k', () => (ran = true), { reentrant: true })).rejects.toThrow(LockLostError);
        return 'outer';
      }),
    );
    await clock.advance(0);
    expect(outer.error).toMatchObject({ code: 'LOCK_LOST', result: 'outer' });
    expect(ran).toBe(false);
  });

  test('a loss reaches the joined sections too', async () => {
    const { clock, locks } = withMemory();
    await expect(
      locks.run('k', async () => {
        await expect(locks.run('k', () => void clock.stall(2 * TTL), { reentrant: true })).rejects.toThrow(
          LockLostError,
        );
      }),
    ).rejects.toThrow(LockLostError);
  });

  test('a joined section that ends sees its result, whatever the release of the outermost one says', async () => {
    const { backend, locks } = withScript();
    backend.grantAll().onRelease = () => Promise.reject(new Error('down'));
    await expect(locks.run('k', () => locks.run('k', () => 'inner', { reentrant: true }))).resolves.toBe('inner');
  });
});

describe('several keys', () => {
  test('those that are held are joined, the others taken and given back with the inner section', async () => {
    const { backend, locks } = withScript();
    backend.grantAll();
    await locks.run('b', async (outer) => {
      await locks.run(
        ['c', 'b', 'a'],
        (inner) => {
          expect(inner.keys).toEqual(['a', 'b', 'c']);
          expect(inner.fencingTokens.get('b')).toBe(outer.fencingToken);
          expect(inner.held).toBe(true);
        },
        { reentrant: true },
      );
      expect(outer.held).toBe(true);
    });
    const short = backend.commands.map((command) => command.replace('nestlock:', ''));
    expect(short).toEqual(['acquire b', 'acquire a', 'acquire c', 'release c', 'release a', 'release b']);
  });

  test('a hold of several keys can be joined by each of them', async () => {
    const { backend, locks } = withScript();
    backend.grantAll();
    await locks.run(['a', 'b'], async (outer) => {
      await locks.run(
        'b',
        (inner) => {
          expect(inner.keys).toEqual(['b']);
          expect(inner.fencingToken).toBe(outer.fencingTokens.get('b'));
        },
        { reentrant: true },
      );
    });
    expect(backend.claims).toHaveLength(2);
  });

  test('when the missing ones cannot be had, the joined ones are left as they were', async () => {
    const { clock, backend, locks } = withScript();
    backend.onAcquire = (claim) => (claim.claim.key === 'nestlock:b' ? claim.refuse() : claim.grant());
    const outer = track(
      locks.run('a', async (lock) => {
        const inner = locks.run(['a', 'b'], () => {}, { reentrant: true, waitTimeout: 0 });
        await expect(inner).rejects.toMatchObject({ code: 'LOCK_TIMEOUT', key: 'b' });
        return lock.held;
      }),
    );
    await clock.advance(0);
    expect(outer.value).toBe(true);
    expect(backend.commands.at(-1)).toBe('release nestlock:a');
  });

  test('a section that joined one key finds the others too, while it keeps them from being released', async () => {
    const { clock, locks } = withMemory();
    const later = gate();
    let deep: unknown;
    const outer = track(
      locks.run(['a', 'b'], () => {
        const inner = async () => {
          await later.opened;
          deep = await locks
            .run('a', () => 'joined', { reentrant: true, waitTimeout: 50 })
            .catch((error: unknown) => error);
        };
        void locks.run('b', inner, { reentrant: true });
      }),
    );
    await clock.advance(10);
    later.open();
    await clock.advance(100);
    expect(deep).toBe('joined');
    expect(outer.state).toBe('fulfilled');
  });
});

describe('current()', () => {
  test('is the innermost lock of this path, or the one that holds the key', async () => {
    const { locks } = withMemory();
    expect(locks.current() === undefined).toBe(true);
    await locks.run('a', (a) =>
      locks.run('b', async (b) => {
        expect(locks.current() === b).toBe(true);
        expect(locks.current('a') === a).toBe(true);
        expect(locks.current('b') === b).toBe(true);
        expect(locks.current('c') === undefined).toBe(true);
        await new Promise((resolve) => setImmediate(resolve));
        expect(locks.current() === b).toBe(true);
      }),
    );
    expect(locks.current() === undefined).toBe(true);
  });

  test('with several keys it is the lock of them all', async () => {
    const { locks } = withMemory();
    await locks.run(['a', 'b'], (lock) => {
      expect(locks.current() === lock).toBe(true);
      expect(locks.current('b') === lock).toBe(true);
    });
  });

  test('does not see handles, and they are never joined', async () => {
    const { locks } = withMemory();
    const handle = await locks.acquire('k');
    expect(locks.current('k') === undefined).toBe(true);
    await expect(locks.run('k', () => {}, { reentrant: true, waitTimeout: 0 })).rejects.toMatchObject({
      code: 'LOCK_TIMEOUT',
    });
    await handle.release();
  });

  test('does not see other paths', async () => {
    const { clock, locks } = withMemory();
    begin(locks, 'k');
    await clock.advance(0);
    expect(locks.current('k') === undefined).toBe(true);
  });

  test('refuses a bad key', () => {
    const { locks } = withMemory();
    expect(() => locks.current('')).toThrow(expect.objectContaining({ code: 'LOCK_KEY' }));
  });
});

describe('a section that has ended', () => {
  test('is not seen any more by what it left running', async () => {
    const { clock, locks } = withMemory();
    const after = gate();
    let seen: (Lock | undefined)[] = [];
    let left!: Promise<unknown>;
    await locks.run('k', () => {
      left = after.opened.then(() => {
        seen = [locks.current(), locks.current('k')];
        return locks.run('k', () => 'ran');
      });
    });
    after.open();
    await clock.advance(0);
    expect(seen.every((lock) => lock === undefined)).toBe(true);
    await expect(left).resolves.toBe('ran');
  });

  test('nor by what it left running inside another one that goes on', async () => {
    const { clock, locks } = withMemory();
    const after = gate();
    let seen: boolean[] = [];
    const outer = track(
      locks.run('a', async (a) => {
        await locks.run(
          ['a', 'b'],
          () => {
            void after.opened.then(() => {
              seen = [locks.current() === a, locks.current('a') === a, locks.current('b') === undefined];
            });
          },
          { reentrant: true },
        );
        after.open();
        await new Promise((resolve) => setImmediate(resolve));
      }),
    );
    await clock.advance(0);
    await clock.advance(0);
    expect(outer.state).toBe('fulfilled');
    expect(seen).toEqual([true, true, true]);
  });

  test('a lock that its own body released is not seen either', async () => {
    const { locks } = withMemory();
    await locks.run('k', async (lock) => {
      await lock.release();
      expect(locks.current() === undefined).toBe(true);
      await expect(locks.run('k', () => 'again')).resolves.toBe('again');
    });
  });

  test('with minHold it has ended when the call returned', async () => {
    const { clock, locks } = withMemory();
    const after = gate();
    let left!: Promise<unknown>;
    const options = { minHold: 1_000 };
    await locks.run('k', () => void (left = after.opened.then(() => locks.run('k', () => 'ran'))), options);
    after.open();
    await clock.advance(1_000);
    await expect(left).resolves.toBe('ran');
  });
});

describe('a section that has joined cannot give back what others are inside of', () => {
  test('not with release(), nor with `await using` of the lock', async () => {
    const { locks } = withMemory();
    await locks.run('k', async (outer) => {
      await locks.run('k', (inner) => inner.release(), { reentrant: true });
      expect([outer.held, outer.signal.aborted]).toEqual([true, false]);
      await locks.run(['k', 'other'], (inner) => inner[Symbol.asyncDispose](), { reentrant: true });
      expect(outer.held).toBe(true);
      await expect(locks.run('k', () => {})).rejects.toThrow(LockReentryError);
      await outer.release();
      expect(outer.held).toBe(false);
    });
  });

  test('what it took itself it does give back', async () => {
    const { clock, locks } = withMemory();
    await locks.run('k', () =>
      locks.run(
        ['k', 'other'],
        async (inner) => {
          await inner.release();
          const other = track(locks.tryAcquire('other'));
          await clock.advance(0);
          expect(other.value).not.toBeNull();
        },
        { reentrant: true },
      ),
    );
  });

  test('all keys stay held until the last section that joined one of them has ended', async () => {
    const { clock, locks } = withMemory();
    const [a, b] = [gate(), gate()];
    const outer = track(
      locks.run(['a', 'b'], () => {
        void locks.run('a', () => a.opened, { reentrant: true });
        void locks.run('b', () => b.opened, { reentrant: true });
      }),
    );
    a.open();
    await clock.advance(0);
    const other = track(locks.run('b', () => 'ran'));
    await clock.advance(0);
    expect([outer.state, other.state]).toEqual(['pending', 'pending']);
    b.open();
    await clock.advance(0);
    expect([outer.state, other.value]).toEqual(['fulfilled', 'ran']);
  });
});
