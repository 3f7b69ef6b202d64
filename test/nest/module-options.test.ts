import { LockConfigError, LockModule, LockService, memoryBackend } from 'nestlock';
import { SpyBackend, boot, errorOf, thrownBy } from './support';

const forRoot = (options: object) => () => LockModule.forRoot(options);

describe('refused by forRoot, with what was expected:', () => {
  it.each<[object, string]>([
    [{ ttl: '5 parsecs' }, 'Expected "ttl" to be a duration of at least 100 ms, got "5 parsecs"'],
    [{ ttl: 99 }, 'Expected "ttl" to be a duration of at least 100 ms, got 99'],
    [{ ttl: Infinity }, 'Expected "ttl" to be a duration of at most 2147483647 ms, got Infinity'],
    [{ ttl: '' }, 'Expected "ttl" to be a duration of at least 100 ms, got ""'],
    [{ ttl: null }, 'Expected "ttl" to be a duration of at least 100 ms, got null'],
    [{ ttl: NaN }, 'Expected "ttl" to be a duration of at least 100 ms, got NaN'],
    [{ ttl: {} }, 'Expected "ttl" to be a duration of at least 100 ms, got an object'],
    [{ waitTimeout: -1 }, 'Expected "waitTimeout" to be a duration of at least 0 ms, got -1'],
    [{ waitTimeout: true }, 'Expected "waitTimeout" to be a duration of at least 0 ms, got true'],
    [{ shutdownTimeout: '-1s' }, 'Expected "shutdownTimeout" to be a duration of at least 0 ms, got "-1s"'],
    [{ prefix: 5 }, 'Expected "prefix" to be a string of at most 256 characters, got 5'],
    [{ prefix: 'x'.repeat(257) }, 'Expected "prefix" to be a string of at most 256 characters, got "xxx'],
    [{ maxLocalHandoffs: -1 }, 'Expected "maxLocalHandoffs" to be an integer from 0 to 1000, got -1'],
    [{ maxLocalHandoffs: 1.5 }, 'Expected "maxLocalHandoffs" to be an integer from 0 to 1000, got 1.5'],
    [{ maxLocalHandoffs: 1_001 }, 'Expected "maxLocalHandoffs" to be an integer from 0 to 1000, got 1001'],
    [{ exceptionFilter: 'yes' }, 'Expected "exceptionFilter" to be true, false or { busyStatus }, got "yes"'],
    [{ exceptionFilter: null }, 'Expected "exceptionFilter" to be true, false or { busyStatus }, got null'],
    [{ exceptionFilter: { busyStatus: 200 } }, 'Expected "busyStatus" to be an integer from 400 to 599, got 200'],
    [{ exceptionFilter: { status: 409 } }, 'Unknown option "status" of exceptionFilter.'],
    [{ instance: '' }, 'Expected "instance" to be a non-empty string, got ""'],
    [{ instance: 5 }, 'Expected "instance" to be a non-empty string, got 5'],
    [{ isGlobal: 'no' }, 'Expected "isGlobal" to be true or false, got "no"'],
    [
      { backend: undefined },
      'Expected "backend" to be a LockBackend, got undefined. Is an environment variable unset?',
    ],
    [{ waitTimeOut: 1 }, 'Unknown option "waitTimeOut" of LockModule.forRoot(). Did you mean "waitTimeout"?'],
    [{ Backend: memoryBackend() }, 'Did you mean "backend"?'],
    [{ busyStatus: 409 }, 'Unknown option "busyStatus" of LockModule.forRoot().'],
    [{ useFactory: () => ({}) }, 'Unknown option "useFactory" of LockModule.forRoot().'],
  ])('%j', (options, message) => {
    const error = thrownBy(forRoot(options));
    expect(error).toBeInstanceOf(LockConfigError);
    expect(error.message).toContain(message);
  });

  it.each([null, 5, 'redis', [], () => ({})])('%p in the place of the options', (options) => {
    const error = thrownBy(forRoot(options as never));
    expect(error).toBeInstanceOf(LockConfigError);
    expect(error.message).toContain('Expected the options of LockModule.forRoot() to be an object, got ');
  });
});

it.each<[unknown, string]>([
  [null, 'null'],
  ['redis://cache', '"redis://cache"'],
  [memoryBackend, 'function memoryBackend'],
])('a backend that is none is refused, by forRoot() at once and from a factory at boot: %p', async (backend, shown) => {
  const fromFactory = LockModule.forRootAsync({ useFactory: () => ({ backend }) as never });
  for (const error of [thrownBy(forRoot({ backend })), await errorOf(boot({ imports: [fromFactory] }))]) {
    expect(error).toBeInstanceOf(LockConfigError);
    expect(error.message).toContain(`Expected "backend" to be a LockBackend, such as memoryBackend(), got ${shown}.`);
  }
});

it('knows no other options of forRootAsync either', () => {
  const error = thrownBy(() => LockModule.forRootAsync({ useFactory: () => ({}), ttl: 5 } as never));
  expect(error.message).toContain('Unknown option "ttl" of LockModule.forRootAsync().');
});

it('uses what it is given', async () => {
  const backend = new SpyBackend();
  const app = await boot({
    imports: [
      LockModule.forRoot({
        backend,
        prefix: 'p:',
        ttl: '5m',
        waitTimeout: Infinity,
        maxLocalHandoffs: 0,
        shutdownTimeout: 0,
      }),
    ],
  });
  await app.get(LockService).run('k', () => undefined);
  expect(backend.claims[0]).toMatchObject({ key: 'p:k', ttl: 300_000, fences: 1 });
});

it('an undefined option other than the backend is the default', async () => {
  const backend = new SpyBackend();
  await boot({
    imports: [LockModule.forRoot({ backend, ttl: undefined, prefix: undefined, exceptionFilter: undefined })],
  });
  expect(backend.opened).toBe(1);
});
