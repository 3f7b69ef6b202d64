import { LockConfigError, LockKeyError } from '../../lib/core/errors';
import { MAX_KEY_LENGTH } from '../../lib/core/key';
import { LockService } from '../../lib/core/lock-service';
import { withMemory, withScript } from './support';

const MONTH = 2 ** 31 - 1;

describe('keys', () => {
  const bad: [string, unknown, RegExp][] = [
    ['undefined', undefined, /a string, got undefined/],
    ['null', null, /a string, got null/],
    ['a number', 7, /a string, got 7/],
    ['an object', { id: 1 }, /a string, got an object/],
    ['a String object', new String('k'), /a string, got an instance of String/],
    ['empty', '', /non-empty string, got ""/],
    ['too long', 'x'.repeat(MAX_KEY_LENGTH + 1), /at most 1024 characters/],
    ['half a surrogate pair', 'a\uD800b', /well-formed Unicode/],
    ['an empty array', [], /non-empty array of strings, got \[\]/],
    ['an array with a number', ['a', 7], /a string, got 7/],
    ['an array with an empty key', ['a', ''], /non-empty string/],
    ['an array with a hole', new Array(2), /a string, got undefined/],
    ['nested arrays', [['a']], /a string, got an array of 1/],
    ['a symbol', Symbol('s'), /a string, got Symbol\(s\)/],
    ['a function', () => 'k', /a string, got/],
  ];

  test.each(bad)('refused, and nobody is asked: %s', async (_, key, message) => {
    const { backend, locks } = withScript();
    backend.grantAll();
    for (const call of [
      () => locks.run(key as string, () => {}),
      () => locks.acquire(key as string),
      () => locks.tryAcquire(key as string),
    ]) {
      const promise = call();
      await expect(promise).rejects.toThrow(LockKeyError);
      await expect(promise).rejects.toThrow(message);
    }
    expect(backend.claims).toEqual([]);
  });

  test.each(['k', 'x'.repeat(MAX_KEY_LENGTH), 'größe:日本:🔒', ' ', '{a}:*?[b]', 'a/b\\c', '__proto__', 'constructor'])(
    'taken as it is: %.20s',
    async (key) => {
      const { backend, locks } = withScript();
      backend.grantAll();
      await expect(locks.run(key, (lock) => lock.keys)).resolves.toEqual([key]);
      expect(backend.lastClaim.claim.key).toBe(`nestlock:${key}`);
    },
  );

  test('the prefix is put before every key', async () => {
    const { backend, locks } = withScript({ prefix: '' });
    backend.grantAll();
    await locks.run(['b', 'a'], () => {});
    expect(backend.claims.map(({ claim }) => claim.key)).toEqual(['a', 'b']);
  });
});

const duration = (name: string, value: unknown, bound: string) =>
  [name, value, new RegExp(`Expected "${name}" to be a duration of ${bound}`)] as const;

const badDurations = ['5 parsecs', '', 'soon', NaN, null, {}, [], true, 5n, -1, '-1s', () => 5];

describe('options of a call', () => {
  const cases: (readonly [string, unknown, RegExp])[] = [
    ...badDurations.flatMap((value) => [
      duration('ttl', value, 'at least 100 ms'),
      duration('waitTimeout', value, 'at least 0 ms'),
      duration('minHold', value, 'at least 0 ms'),
      duration('maxHold', value, 'at least 1 ms'),
    ]),
    duration('ttl', 99, 'at least 100 ms'),
    duration('ttl', '99ms', 'at least 100 ms'),
    duration('ttl', 0, 'at least 100 ms'),
    duration('ttl', Infinity, `at most ${MONTH} ms, got Infinity`),
    duration('ttl', '30d', `at most ${MONTH} ms, got "30d"`),
    duration('waitTimeout', MONTH + 1, `at most ${MONTH} ms or Infinity`),
    duration('waitTimeout', -Infinity, 'at least 0 ms'),
    duration('minHold', Infinity, `at most ${MONTH} ms`),
    duration('maxHold', 0, 'at least 1 ms'),
    duration('maxHold', Infinity, `at most ${MONTH} ms`),
    ['mode', 'exclusiv', /Expected "mode" to be "exclusive" or "shared", got "exclusiv"/],
    ['mode', null, /Expected "mode"/],
    ['permits', 0, /Expected "permits" to be an integer from 1 to 1000000, got 0/],
    ['permits', 1.5, /Expected "permits"/],
    ['permits', '2', /Expected "permits".*got "2"/],
    ['permits', Infinity, /Expected "permits"/],
    ['permits', 1_000_001, /Expected "permits"/],
    ['signal', {}, /Expected "signal" to be an AbortSignal, got an object/],
    ['signal', new AbortController(), /AbortSignal, got an instance of AbortController/],
    ['label', 7, /Expected "label" to be a string of at most 256 characters, got 7/],
    ['label', 'x'.repeat(257), /Expected "label"/],
    ['reentrant', 'yes', /Expected "reentrant" to be true or false, got "yes"/],
    ['reentrant', 1, /Expected "reentrant"/],
  ];

  test.each(cases)('%s: %p is refused, and nobody is asked', async (name, value, message) => {
    const { backend, locks } = withScript();
    backend.grantAll();
    const promise = locks.run('k', () => {}, { [name]: value });
    await expect(promise).rejects.toThrow(LockConfigError);
    await expect(promise).rejects.toThrow(message);
    expect(backend.claims).toEqual([]);
  });

  test.each([
    ['permits with mode exclusive', { mode: 'exclusive', permits: 2 }, /"permits" to be absent with mode "exclusive"/],
    [
      'minHold above maxHold',
      { minHold: '2s', maxHold: '1s' },
      /"minHold" to be at most "maxHold" \(1000 ms\), got "2s"/,
    ],
    ['null', null, /options of run\(\) to be an object, got null/],
    ['an array', [], /options of run\(\) to be an object, got \[\]/],
    ['a string', '30s', /options of run\(\) to be an object, got "30s"/],
    ['a slip of the hand', { tll: '5s' }, /Unknown option "tll" of run\(\)\. Did you mean "ttl"\?/],
    ['wrong case', { waittimeout: 5 }, /Did you mean "waitTimeout"\?/],
    ['an unknown option', { retries: 3 }, /Unknown option "retries" of run\(\)\. Known: ttl, /],
  ])('%s is refused', async (_, options, message) => {
    const { locks } = withMemory();
    await expect(locks.run('k', () => {}, options as object)).rejects.toThrow(message);
  });

  test.each<['acquire' | 'tryAcquire', object]>([
    ['acquire', { reentrant: true }],
    ['tryAcquire', { reentrant: true }],
    ['tryAcquire', { waitTimeout: 0 }],
  ])('%s does not know %p', async (call, options) => {
    const { locks } = withMemory();
    await expect(locks[call]('k', options)).rejects.toThrow(new RegExp(`Unknown option .* of ${call}\\(\\)`));
  });

  test('undefined means the default', async () => {
    const { backend, locks } = withScript({ ttl: '7s' });
    backend.grantAll();
    const options = { ttl: undefined, waitTimeout: undefined, signal: undefined, mode: undefined, permits: undefined };
    await locks.run('k', () => {}, options);
    const more = { minHold: undefined, maxHold: undefined, reentrant: undefined, label: undefined };
    await locks.run('k', () => {}, more);
    for (const { claim } of backend.claims) {
      expect(claim).toMatchObject({ ttl: 7_000, mode: 'exclusive', permits: 1, wait: true });
    }
  });

  test.each([
    [250, 250],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1 hour', 3_600_000],
    ['200', 200],
    [MONTH, MONTH],
    [100, 100],
  ])('a ttl of %p is %d ms', async (ttl, expected) => {
    const { backend, locks } = withScript();
    backend.grantAll();
    await locks.run('k', () => {}, { ttl });
    expect(backend.lastClaim.claim.ttl).toBe(expected);
  });

  test('the label and the limits reach the store', async () => {
    const { backend, locks } = withScript();
    backend.grantAll();
    await locks.run('k', () => {}, { label: 'report-job', permits: 1_000_000 });
    expect(backend.lastClaim.claim).toMatchObject({ label: 'report-job', permits: 1_000_000, mode: 'shared' });
    await locks.run('k', () => {}, { label: 'x'.repeat(256), waitTimeout: 0 });
    expect(backend.lastClaim.claim).toMatchObject({ label: 'x'.repeat(256) });
  });

  test.each([undefined, null, 'fn', {}])('a body of run that is %p is refused, and nobody is asked', async (fn) => {
    const { backend, locks } = withScript();
    await expect(locks.run('k', fn as never)).rejects.toThrow(/Expected the body of run\(\) to be a function, got/);
    expect(backend.claims).toEqual([]);
  });

  test('nothing is thrown synchronously', () => {
    const { locks } = withMemory();
    for (const call of [
      () => locks.run('', () => {}),
      () => locks.acquire(''),
      () => locks.tryAcquire('k', { ttl: 1 }),
      () => locks.run('k', 1 as never),
    ]) {
      const promise = call();
      promise.catch(() => {});
      expect(promise).toBeInstanceOf(Promise);
    }
  });
});

describe('options of the service', () => {
  const { backend } = withMemory();
  const build = (options: object) => () => new LockService({ backend, ...options });

  const cases: (readonly [string, unknown, RegExp])[] = [
    ...badDurations.flatMap((value) => [
      duration('ttl', value, 'at least 100 ms'),
      duration('waitTimeout', value, 'at least 0 ms'),
      duration('shutdownTimeout', value, 'at least 0 ms'),
    ]),
    duration('ttl', '99ms', 'at least 100 ms'),
    duration('shutdownTimeout', Infinity, `at most ${MONTH} ms`),
    ['prefix', 7, /Expected "prefix" to be a string of at most 256 characters, got 7/],
    ['prefix', 'x'.repeat(257), /Expected "prefix"/],
    ['maxLocalHandoffs', -1, /Expected "maxLocalHandoffs" to be an integer from 0 to 1000, got -1/],
    ['maxLocalHandoffs', 1_001, /Expected "maxLocalHandoffs"/],
    ['maxLocalHandoffs', 1.5, /Expected "maxLocalHandoffs"/],
    ['maxLocalHandoffs', Infinity, /Expected "maxLocalHandoffs"/],
    ['busyStatus', 200, /Expected "busyStatus" to be an integer from 400 to 599, got 200/],
    ['busyStatus', '423', /Expected "busyStatus"/],
    ['waitTimout', 5, /Unknown option "waitTimout" of LockService\. Did you mean "waitTimeout"\?/],
  ];

  test.each(cases)('%s: %p is refused', (name, value, message) => {
    expect(build({ [name]: value })).toThrow(LockConfigError);
    expect(build({ [name]: value })).toThrow(message);
  });

  test('the message is of one shape', () => {
    expect(build({ ttl: '5 parsecs' })).toThrow('Expected "ttl" to be a duration of at least 100 ms, got "5 parsecs"');
  });

  test('the limits are allowed', () => {
    expect(
      build({
        ttl: MONTH,
        waitTimeout: Infinity,
        maxLocalHandoffs: 1_000,
        shutdownTimeout: 0,
        busyStatus: 599,
        prefix: '',
      }),
    ).not.toThrow();
    expect(build({ ttl: undefined, waitTimeout: undefined, prefix: undefined })).not.toThrow();
  });

  test.each([undefined, null, 'redis://cache', {}, { name: 'x', acquire() {} }, Promise.resolve(backend)])(
    'a backend that is %p is refused, with advice',
    (bad) => {
      expect(build({ backend: bad })).toThrow(LockConfigError);
      expect(build({ backend: bad })).toThrow(
        /Expected "backend" to be a LockBackend.*unset, or a promise not awaited/,
      );
    },
  );
});
