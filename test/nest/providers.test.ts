import type { INestApplication, OnModuleInit } from '@nestjs/common';
import { Controller, Get, Inject, Injectable, Param, Scope } from '@nestjs/common';
import { ModuleRef, REQUEST } from '@nestjs/core';
import { DistributedLock, InjectLockService, LockModule, LockReentryError, LockService, memoryBackend } from 'nestlock';
import { boot, errorOf, gate, moduleOf, serve, settle, until, withBackend } from './support';

/** Two calls at once, and whether they were ever inside together. */
async function overlap(call: (inside: () => Promise<void>) => Promise<unknown>): Promise<number> {
  let inside = 0;
  let most = 0;
  const body = async () => {
    most = Math.max(most, ++inside);
    await settle();
    inside--;
  };
  await Promise.all([call(body), call(body), call(body)]);
  return most;
}

type Body = () => Promise<void>;

@Injectable()
class Single {
  @DistributedLock('single')
  async work(body: Body) {
    return body();
  }
}

@Injectable({ scope: Scope.TRANSIENT })
class Transient {
  readonly id = {};
  @DistributedLock('transient')
  async work(body: Body) {
    return body();
  }
}

describe('one at a time, in', () => {
  let app: INestApplication;

  beforeEach(async () => {
    app = await boot({ imports: [withBackend().locks], providers: [Single, Transient] });
  });

  it('a singleton provider', async () => {
    expect(await overlap((body) => app.get(Single).work(body))).toBe(1);
  });

  it('different instances of a transient provider', async () => {
    const instances = [await app.resolve(Transient), await app.resolve(Transient), await app.resolve(Transient)];
    expect(new Set(instances.map(({ id }) => id)).size).toBe(3);
    let next = 0;
    expect(await overlap((body) => instances[next++]!.work(body))).toBe(1);
  });

  it('an instance that ModuleRef.create() made', async () => {
    const made = await app.get(ModuleRef).create(Single);
    expect(made).not.toBe(app.get(Single));
    expect(await overlap((body) => made.work(body))).toBe(1);
  });

  it('would see it if it were not so', async () => {
    expect(await overlap((body) => body())).toBe(3);
  });
});

it('locks request-scoped providers and controllers, each request in its own instance', async () => {
  const instances = new Set<object>();
  let inside = 0;
  let most = 0;

  @Injectable({ scope: Scope.REQUEST })
  class PerRequest {
    constructor(@Inject(REQUEST) private readonly request: { url: string }) {}

    @DistributedLock('scoped:{id}')
    async work(id: string) {
      instances.add(this);
      most = Math.max(most, ++inside);
      await settle();
      inside--;
      return this.request.url + id;
    }
  }

  @Controller({ scope: Scope.REQUEST })
  class Routes {
    constructor(private readonly service: PerRequest) {}

    @Get(':id')
    @DistributedLock('route:{id}')
    async get(@Param('id') id: string) {
      instances.add(this);
      return this.service.work(id);
    }
  }

  const { locks, backend } = withBackend();
  const { url } = await serve({ imports: [locks], controllers: [Routes], providers: [PerRequest] });
  const answers = await Promise.all([1, 2, 3].map(async () => (await fetch(`${url}/7`)).text()));
  expect(answers).toEqual(['/77', '/77', '/77']);
  expect(instances.size).toBe(6);
  expect(most).toBe(1);
  expect(backend.acquired('route:7').length).toBeGreaterThan(0);
});

describe('inheritance', () => {
  abstract class Base {
    readonly seen: unknown[] = [];
    @Inject(LockService) readonly locks!: LockService;

    @DistributedLock('base:{id}')
    async inherited(id: string): Promise<string> {
      this.seen.push(this.locks.current()?.keys);
      return `${id} ${this.name()}`;
    }

    @DistributedLock('base')
    async overridden(): Promise<unknown> {
      return this.locks.current()?.keys;
    }

    abstract name(): string;
  }

  @Injectable()
  class First extends Base {
    name() {
      return 'first';
    }

    @DistributedLock('first')
    override async overridden(): Promise<unknown> {
      return [this.locks.current()?.keys, await super.overridden()];
    }
  }

  @Injectable()
  class Second extends Base {
    @Inject(ModuleRef) readonly moduleRef!: ModuleRef;
    name() {
      return 'second';
    }
  }

  it('keeps the lock of inherited methods, also of an abstract class', async () => {
    const app = await boot({ imports: [withBackend().locks], providers: [First, Second] });
    expect(await app.get(First).inherited('1')).toBe('1 first');
    expect(await app.get(Second).inherited('2')).toBe('2 second');
    expect([...app.get(First).seen, ...app.get(Second).seen]).toEqual([['base:1'], ['base:2']]);
    expect(app.get(Second).moduleRef).toBeInstanceOf(ModuleRef);
  });

  it('takes both locks when a locked override calls super', async () => {
    const app = await boot({ imports: [withBackend().locks], providers: [First, Second] });
    expect(await app.get(First).overridden()).toEqual([['first'], ['base']]);
    expect(await app.get(Second).overridden()).toEqual(['base']);
  });
});

const symbol = Symbol('by symbol');

@Injectable()
class Odd {
  #secret = 'secret';
  readonly #log: string[] = [];
  constructor(readonly locks: LockService) {}

  @DistributedLock('symbol')
  async [symbol]() {
    return [this.#private(), this.locks.current()?.keys];
  }

  #private() {
    this.#log.push('called');
    return this.#secret;
  }

  @DistributedLock('outer')
  @DistributedLock('inner')
  async twice() {
    return [this.locks.current()?.keys, this.locks.current('outer')?.keys];
  }

  @DistributedLock('self')
  async again(): Promise<string> {
    return this.inner();
  }

  @DistributedLock('self')
  async inner() {
    return 'inner';
  }

  @DistributedLock('self')
  async joining(): Promise<unknown> {
    return this.joined();
  }

  @DistributedLock('self', { reentrant: true })
  async joined() {
    return this.locks.current()?.fencingToken;
  }

  @DistributedLock('other')
  async notNested(): Promise<string> {
    return this.inner();
  }
}

describe('methods', () => {
  const bootOdd = async () => {
    const { backend, locks } = withBackend();
    const app = await boot({ imports: [locks], providers: [Odd] });
    return { backend, odd: app.get(Odd) };
  };

  it('may be named by a symbol and use private fields', async () => {
    const { odd } = await bootOdd();
    expect(await odd[symbol]()).toEqual(['secret', ['symbol']]);
  });

  it('may have two locks: the upper one is the outer one', async () => {
    const { odd } = await bootOdd();
    expect(await odd.twice()).toEqual([['inner'], ['outer']]);
  });

  it('may call each other: the same lock again is an error at once, another lock is not', async () => {
    const { odd } = await bootOdd();
    const error = await errorOf(odd.again());
    expect(error).toBeInstanceOf(LockReentryError);
    expect(error.key).toBe('self');
    expect(await odd.notNested()).toBe('inner');
    expect(await odd.inner()).toBe('inner');
  });

  it('may join the hold that they are called in', async () => {
    const { backend, odd } = await bootOdd();
    expect(await odd.joining()).toEqual(expect.any(BigInt));
    expect(backend.asked('self')).toHaveLength(1);
  });
});

it('keeps classes, keys and modules apart that have the same names', async () => {
  const make = (key: string) => {
    @Injectable()
    class Service {
      constructor(private readonly locks: LockService) {}
      @DistributedLock(key)
      async work(body?: Body) {
        await body?.();
        return this.locks.current()?.keys;
      }
    }
    return Service;
  };
  const [A, B, C] = [make('a'), make('b'), make('a')];
  const app = await boot({
    imports: [
      withBackend().locks,
      moduleOf({ providers: [{ provide: 'A', useClass: A }, B] }),
      moduleOf({ providers: [{ provide: 'C', useClass: C }] }),
    ],
  });
  const [a, b, c] = [
    app.get<InstanceType<typeof A>>('A', { strict: false }),
    app.get(B, { strict: false }),
    app.get<InstanceType<typeof A>>('C', { strict: false }),
  ];
  expect([await a.work(), await b.work(), await c.work()]).toEqual([['a'], ['b'], ['a']]);
  let next = 0;
  expect(await overlap((body) => [a, b, a][next++]!.work(body))).toBe(2);
  next = 0; // two modules that name the same key exclude each other
  expect(await overlap((body) => [a, c, a][next++]!.work(body))).toBe(1);
});

it("works, locked, in another provider's onModuleInit: once per fleet", async () => {
  const migrated: string[] = [];
  const entered = gate();
  const done = gate();

  @Injectable()
  class Migrations {
    @DistributedLock('migrate', { onBusy: 'skip' })
    async run(who: string) {
      migrated.push(who);
      entered.open();
      await done.passed;
    }
  }
  @Injectable()
  class Starter implements OnModuleInit {
    constructor(private readonly migrations: Migrations) {}
    async onModuleInit() {
      await this.migrations.run('somebody');
    }
  }
  const backend = memoryBackend();
  const start = () => boot({ imports: [LockModule.forRoot({ backend })], providers: [Starter, Migrations] });
  const first = start();
  await entered.passed;
  await start(); // boots, without migrating and without waiting
  done.open();
  await first;
  expect(migrated).toEqual(['somebody']);
});

describe('two applications in one process', () => {
  class Counted {
    constructor(readonly locks: LockService) {}
    @DistributedLock('k')
    async work(body: Body) {
      await body();
      return this.locks.current()?.keys;
    }
  }
  Injectable()(Counted);
  Inject(LockService)(Counted, undefined, 0);

  it('never mix: each instance uses the locks of its own application', async () => {
    const [one, two] = [withBackend(), withBackend()];
    const first = (await boot({ imports: [one.locks], providers: [Counted] })).get(Counted);
    const secondApp = await boot({ imports: [two.locks], providers: [Counted] });
    const holding = gate();
    const working = first.work(() => holding.passed);
    await until(() => one.backend.acquired('k').length === 1);
    await secondApp.get(Counted).work(async () => {}); // not excluded by the first application
    expect(two.backend.acquired('k')).toHaveLength(1);
    await secondApp.close();
    holding.open();
    expect(await working).toEqual(['k']);
    await first.work(async () => {});
    expect(one.backend.acquired('k')).toHaveLength(2);
  });

  it('may be the same module, one after the other and at once', async () => {
    const AppModule = moduleOf({ imports: [withBackend().locks], providers: [Counted] });
    for (let i = 0; i < 2; i++) {
      const app = await boot(AppModule);
      expect(await app.get(Counted).work(async () => {})).toEqual(['k']);
      await app.close();
    }
    const [a, b] = await Promise.all([boot(AppModule), boot(AppModule)]);
    expect(a.get(Counted)).not.toBe(b.get(Counted));
    let next = 0; // they share the backend that was named once: they exclude each other like two processes
    expect(await overlap((body) => [a, b, a][next++]!.get(Counted).work(body))).toBe(1);
    expect(await a.get(Counted).work(async () => {})).toEqual(['k']); // each by its own LockService
    expect(await b.get(Counted).work(async () => {})).toEqual(['k']);
    await a.close();
    expect(await b.get(Counted).work(async () => {})).toEqual(['k']);
  });
});

it('uses the set-up that the decorator names', async () => {
  @Injectable()
  class Both {
    constructor(
      private readonly locks: LockService,
      @InjectLockService('ledger') private readonly ledger: LockService,
    ) {}

    @DistributedLock('k')
    async main() {
      return [this.locks.current()?.keys, this.ledger.current()?.keys];
    }

    @DistributedLock('k', { instance: 'ledger' })
    async named() {
      return [this.locks.current()?.keys, this.ledger.current()?.keys];
    }

    @DistributedLock({ key: 'k', instance: 'ledger' })
    @DistributedLock('k')
    async both() {
      return [this.locks.current()?.keys, this.ledger.current()?.keys];
    }
  }
  const [main, ledger] = [withBackend(), withBackend({ instance: 'ledger' })];
  const both = (await boot({ imports: [main.locks, ledger.locks], providers: [Both] })).get(Both);
  expect(await both.main()).toEqual([['k'], undefined]);
  expect(await both.named()).toEqual([undefined, ['k']]);
  expect(await both.both()).toEqual([['k'], ['k']]);
  expect([main.backend.acquired('k').length, ledger.backend.acquired('k').length]).toEqual([2, 2]);
});
