import { Injectable, Module } from '@nestjs/common';
import { DistributedLock, LockModule, LockNotReadyError, memoryBackend } from 'nestlock';
import { boot, errorOf, moduleOf, withBackend } from './support';

const runs: string[] = [];

@Injectable()
class Service {
  @DistributedLock('key')
  async work(name: string) {
    runs.push(name);
    return name;
  }
}

@Injectable()
class Ledger {
  @DistributedLock('key', { instance: 'ledger' })
  async work() {
    runs.push('ledger');
  }
}

beforeEach(() => {
  runs.length = 0;
});

async function refused(call: Promise<unknown>): Promise<string> {
  const error = await errorOf(call);
  expect(error).toBeInstanceOf(LockNotReadyError);
  expect(error.name).toBe('LockNotReadyError');
  expect(error.code).toBe('LOCK_NOT_READY');
  expect(runs).toEqual([]);
  return error.message as string;
}

describe('never unlocked:', () => {
  it('made by hand', async () => {
    await boot({ imports: [withBackend().locks], providers: [Service] });
    const message = await refused(new Service().work('by hand'));
    expect(message).toContain('Service.work was not run');
    expect(message).toContain('Nest did not create this instance');
    expect(message).toContain('attachLocks(instance, locks) from nestlock/testing');
  });

  it('called without its instance', async () => {
    const app = await boot({ imports: [withBackend().locks], providers: [Service] });
    const { work } = app.get(Service);
    expect(await refused(Reflect.apply(work, undefined, ['detached']))).toContain('called without its instance');
    expect(await work.call(app.get(Service), 'bound')).toBe('bound');
  });

  it('through a Proxy that hides the instance', async () => {
    const app = await boot({ imports: [withBackend().locks], providers: [Service] });
    const message = await refused(new Proxy(app.get(Service), {}).work('proxy'));
    expect(message).toContain('or a Proxy hides the instance');
    expect(message).toContain('"get" return target[property]');
  });

  it('after app.close()', async () => {
    const app = await boot({ imports: [withBackend().locks], providers: [Service] });
    const service = app.get(Service);
    await app.close();
    expect(await refused(service.work('late'))).toBe('Lock "key" was not taken: the application is shutting down.');
  });

  it('in its own constructor, where Nest has not given it the locks yet', async () => {
    let early!: Promise<unknown>;
    @Injectable()
    class Eager extends Service {
      constructor() {
        super();
        early = errorOf(this.work('eager'));
      }
    }
    await boot({ imports: [withBackend().locks], providers: [Eager] });
    const error = (await early) as LockNotReadyError;
    expect(error).toBeInstanceOf(LockNotReadyError);
    expect(error.message).toContain('constructor');
    expect(runs).toEqual([]);
  });

  it('before its service exists: in a provider that the options depend on', async () => {
    let early!: Promise<unknown>;
    @Injectable()
    class Config {
      constructor(service: Service) {
        early = errorOf(service.work('early'));
      }
      backend = memoryBackend();
    }
    @Module({ providers: [Config, Service], exports: [Config, Service] })
    class ConfigModule {}
    const app = await boot({
      imports: [
        LockModule.forRootAsync({
          imports: [ConfigModule],
          inject: [Config],
          useFactory: ({ backend }: Config) => ({ backend }),
        }),
        ConfigModule,
      ],
    });
    const error = (await early) as LockNotReadyError;
    expect(error).toBeInstanceOf(LockNotReadyError);
    expect(error.message).toContain('its LockService is not built yet. Call it from onModuleInit or later');
    expect(runs).toEqual([]);
    expect(await app.get(Service, { strict: false }).work('later')).toBe('later');
  });

  it('without the module: the boot fails and names what to import', async () => {
    const error = await errorOf(boot({ providers: [Service] }));
    expect(error.message).toContain('nestlock: import LockModule.forRoot() in the root module');
    expect(error.message).toContain('Service');
  });

  it('without the set-up that it names: the boot fails and names that', async () => {
    const error = await errorOf(boot({ imports: [withBackend().locks], providers: [Ledger] }));
    expect(error.message).toContain("nestlock: import LockModule.forRoot({ instance: 'ledger' }) in the root module");
  });
});

it.each<[string, (service: Service) => Service]>([
  ['Object.create()', (service) => Object.create(service) as Service],
  ['Object.create() twice', (service) => Object.create(Object.create(service) as Service) as Service],
  [
    'a Proxy that reads from its target',
    (service) => new Proxy(service, { get: (target, property) => target[property as keyof Service] }),
  ],
])('locks calls through a wrapper of the instance: %s', async (_, wrap) => {
  const { backend, locks } = withBackend();
  const app = await boot({ imports: [locks], providers: [Service] });
  expect(await wrap(app.get(Service)).work('wrapped')).toBe('wrapped');
  expect(backend.acquired('key')).toHaveLength(1);
});

it('boots a decorated provider that the options of the module depend on', async () => {
  @Injectable()
  class Vault extends Service {
    async secret() {
      return memoryBackend();
    }
  }
  const app = await boot({
    imports: [
      LockModule.forRootAsync({
        imports: [moduleOf({ providers: [Vault], exports: [Vault] })],
        inject: [Vault],
        useFactory: async (vault: Vault) => ({ backend: await vault.secret() }),
      }),
    ],
  });
  expect(await app.get(Vault, { strict: false }).work('vault')).toBe('vault');
});
