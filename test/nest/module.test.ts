import { Inject, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { LockModuleOptions, LockOptionsFactory } from 'nestlock';
import {
  DistributedLock,
  InjectLockService,
  LockConfigError,
  LockModule,
  LockService,
  getLockBackendToken,
  getLockServiceToken,
  memoryBackend,
} from 'nestlock';
import { SpyBackend, boot, closeLater, errorOf, log, moduleOf, withBackend } from './support';

@Injectable()
class Service {
  constructor(readonly locks: LockService) {}

  @DistributedLock('k')
  async work() {
    return this.locks.current()?.keys;
  }
}

@Injectable()
class Config {
  readonly backend = new SpyBackend();
}

@Injectable()
class Factory implements LockOptionsFactory {
  constructor(private readonly config: Config) {}
  async createLockOptions(): Promise<LockModuleOptions> {
    return { backend: this.config.backend, prefix: 'made:' };
  }
}

const ConfigModule = moduleOf({ providers: [Config], exports: [Config] });
const FactoryModule = moduleOf({ imports: [ConfigModule], providers: [Factory], exports: [Factory, ConfigModule] });

describe('forRootAsync', () => {
  it.each([
    [
      'useFactory',
      LockModule.forRootAsync({
        imports: [ConfigModule],
        inject: [Config],
        useFactory: async ({ backend }: Config) => ({ backend, prefix: 'made:' }),
      }),
    ],
    ['useClass', LockModule.forRootAsync({ imports: [ConfigModule], useClass: Factory })],
    ['useExisting', LockModule.forRootAsync({ imports: [FactoryModule], useExisting: Factory })],
  ])('%s', async (_, locks) => {
    const app = await boot({ imports: [locks, ConfigModule], providers: [Service] });
    expect(await app.get(Service).work()).toEqual(['k']);
    const { backend } = app.get(Config, { strict: false });
    expect(backend.claims.map((claim) => claim.key)).toEqual(['made:k']);
    expect(backend.opened).toBe(1);
    await app.close();
    expect(backend.closed).toBe(1);
  });

  it('stands beside instance and isGlobal', async () => {
    const spy = new SpyBackend();
    const ledger = LockModule.forRootAsync({
      instance: 'ledger',
      isGlobal: false,
      useFactory: () => ({ backend: spy }),
    });
    const Shared = moduleOf({ imports: [ledger], exports: [ledger] });
    const app = await boot({ imports: [Shared] });
    await app.get<LockService>(getLockServiceToken('ledger'), { strict: false }).run('k', () => undefined);
    expect(spy.claims).toHaveLength(1);
  });

  it('needs a factory, and only one', () => {
    expect(() => LockModule.forRootAsync({})).toThrow('exactly one of useFactory, useClass, useExisting');
    expect(() => LockModule.forRootAsync({ useFactory: () => ({}), useClass: Factory })).toThrow(LockConfigError);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'Expected the options of LockModule to be an object, got undefined.'],
    ['a bad ttl', { ttl: 'soon' }, 'Expected "ttl" to be a duration of at least 100 ms, got "soon"'],
    [
      'an unset backend',
      { backend: undefined },
      'Expected "backend" to be a LockBackend, got undefined. Is an environment variable unset?',
    ],
    ['a promise as backend', { backend: Promise.resolve() }, 'or a promise not awaited?'],
    ['instance in the wrong place', { instance: 'x' }, 'Unknown option "instance" of LockModule.'],
  ])('fails the boot when the factory gives %s', async (_, options, message) => {
    const error = await errorOf(boot({ imports: [LockModule.forRootAsync({ useFactory: () => options as never })] }));
    expect(error).toBeInstanceOf(LockConfigError);
    expect(error.message).toContain(message);
  });

  it('fails the boot with what the factory throws', async () => {
    const error = new Error('mine');
    const failing = LockModule.forRootAsync({ useFactory: () => Promise.reject(error) });
    expect(await errorOf(boot({ imports: [failing] }))).toBe(error);
  });
});

describe('set-ups', () => {
  it('stand side by side, each with its service and its backend', async () => {
    @Injectable()
    class Both {
      constructor(
        @InjectLockService() readonly main: LockService,
        @InjectLockService('ledger') readonly ledger: LockService,
      ) {}
      @InjectLockService('ledger') readonly property!: LockService;
      @Inject(getLockBackendToken('ledger')) readonly backend!: unknown;
    }
    const [main, ledger] = [withBackend(), withBackend({ instance: 'ledger', prefix: 'l:' })];
    const app = await boot({ imports: [main.locks, ledger.locks], providers: [Both] });
    const both = app.get(Both);
    expect(both.main).toBe(app.get(LockService, { strict: false }));
    expect(both.main).not.toBe(both.ledger);
    expect(both.property).toBe(both.ledger);
    expect(both.backend).toBe(ledger.backend);
    await both.main.run('k', () => both.ledger.run('k', () => undefined));
    expect(main.backend.acquired('k')).toHaveLength(1);
  });

  it('exclude each other nowhere, unless they share a backend and a prefix', async () => {
    const backend = memoryBackend();
    const app = await boot({
      imports: [LockModule.forRoot({ backend }), LockModule.forRoot({ backend, instance: 'same' })],
    });
    const [main, same] = [LockService, getLockServiceToken('same')].map((token) =>
      app.get<LockService>(token, { strict: false }),
    );
    const lock = await main!.acquire('k');
    expect(await same!.tryAcquire('k')).toBeNull();
    await lock.release();
  });

  it.each([
    [
      'the default one',
      undefined,
      'LockModule.forRoot() was imported twice. Import it once, in the root module, or give the second set-up a name: { instance }.',
    ],
    ['a named one', 'ledger', 'LockModule.forRoot({ instance: "ledger" }) was imported twice.'],
  ])('twice of the same name fails the boot: %s', async (_, instance, message) => {
    const backend = memoryBackend();
    const make = () => LockModule.forRoot({ backend, ...(instance && { instance }) });
    const error = await errorOf(boot({ imports: [make(), moduleOf({ imports: [make()] })] }));
    expect(error).toBeInstanceOf(LockConfigError);
    expect(error.message).toContain(message);
    const asyncTwin = LockModule.forRootAsync({ ...(instance && { instance }), useFactory: () => ({ backend }) });
    expect((await errorOf(boot({ imports: [asyncTwin, make()] }))).message).toContain(message);
    await expect(boot({ imports: [make(), make()].slice(0, 1) })).resolves.toBeDefined();
  });

  it('the same one imported by several modules is one', async () => {
    const { locks } = withBackend();
    const app = await boot({ imports: [locks, moduleOf({ imports: [locks] })], providers: [Service] });
    expect(await app.get(Service).work()).toEqual(['k']);
  });
});

describe('isGlobal: false', () => {
  it('is seen where it is re-exported', async () => {
    const { backend } = withBackend();
    @Module({ imports: [LockModule.forRoot({ backend, isGlobal: false })], exports: [LockModule] })
    class Shared {}
    const Feature = moduleOf({ imports: [Shared], providers: [Service] });
    const app = await boot({ imports: [Feature] });
    expect(await app.get(Service, { strict: false }).work()).toEqual(['k']);
  });

  it('is not seen elsewhere: the boot fails', async () => {
    const { locks } = withBackend({ isGlobal: false });
    const error = await errorOf(boot({ imports: [locks, moduleOf({ providers: [Service] })] }));
    expect(error.message).toMatch(/LockService|nestlock: import LockModule/);
  });
});

it('bare LockModule fails the boot, with or without a set-up elsewhere', async () => {
  for (const imports of [[LockModule], [withBackend().locks, LockModule]]) {
    const error = await errorOf(boot({ imports }));
    expect(error).toBeInstanceOf(LockConfigError);
    expect(error.message).toContain('LockModule was imported without being set up. Import LockModule.forRoot() once');
  }
});

describe('the backend', () => {
  it('is memory by default, with one warning', async () => {
    const app = await boot({ imports: [LockModule.forRoot()], providers: [Service] });
    expect(await app.get(Service).work()).toEqual(['k']);
    expect(log.warnings).toEqual([expect.stringContaining('exclude this process only')]);
  });

  it('is memory without a warning when it is asked for', async () => {
    await boot({ imports: [LockModule.forRoot({ backend: memoryBackend() })] });
    expect(log.warnings).toEqual([]);
  });

  it('that is overridden is never opened', async () => {
    const [real, instead] = [new SpyBackend(), new SpyBackend()];
    const module = await Test.createTestingModule({
      imports: [LockModule.forRoot({ backend: real })],
      providers: [Service],
    })
      .overrideProvider(getLockBackendToken())
      .useValue(instead)
      .compile();
    closeLater(await module.init());
    await module.get(Service).work();
    expect([real.opened, real.claims.length, instead.opened, instead.claims.length]).toEqual([0, 0, 1, 1]);
    await module.close();
    expect([real.closed, instead.closed]).toEqual([0, 1]);
  });

  it('is opened before any module is initialised', async () => {
    const order: string[] = [];
    class Starter {
      onModuleInit() {
        order.push('init');
      }
    }
    const backend = new SpyBackend(async () => void order.push('open'));
    await boot({ imports: [LockModule.forRoot({ backend })], providers: [Starter] });
    expect(order).toEqual(['open', 'init']);
  });

  it('that can never work fails the boot with its own error', async () => {
    const error = new Error('wrong password');
    const backend = new SpyBackend(() => Promise.reject(error));
    expect(await errorOf(boot({ imports: [LockModule.forRoot({ backend })] }))).toBe(error);
  });

  it('that cannot work yet warns', async () => {
    const backend = new SpyBackend(async () => 'nobody answers at redis://cache:6379');
    await boot({ imports: [LockModule.forRoot({ backend })] });
    expect(log.warnings).toEqual(['nobody answers at redis://cache:6379']);
  });

  it('that several set-ups share is closed when the last one is done with it', async () => {
    const backend = new SpyBackend();
    const modules = () =>
      boot({ imports: [LockModule.forRoot({ backend }), LockModule.forRoot({ backend, instance: 'b' })] });
    const [one, two] = [await modules(), await modules()];
    expect(backend.opened).toBe(1);
    await one.close();
    expect(backend.closed).toBe(0);
    await two.close();
    expect(backend.closed).toBe(1);
    await (await modules()).close();
    expect([backend.opened, backend.closed]).toEqual([2, 2]);
  });
});
