import type { OnModuleInit } from '@nestjs/common';
import { Inject, Injectable, Scope } from '@nestjs/common';
import { DistributedLock, LockService } from 'nestlock';
import { attachLocks } from 'nestlock/testing';
import { boot, errorOf, moduleOf, withBackend } from './support';

class Service {
  constructor(readonly name = 'service') {}

  @DistributedLock('key')
  async work() {
    return this.name;
  }
}

it('attaches what useFactory and useValue provide', async () => {
  const { backend, locks } = withBackend();
  const value = new Service('value');
  const app = await boot({
    imports: [
      locks,
      moduleOf({
        providers: [
          { provide: 'value', useValue: value },
          { provide: 'factory', useFactory: () => new Service('factory') },
          { provide: 'async factory', useFactory: async () => new Service('async factory') },
          { provide: 'alias', useExisting: 'factory' },
        ],
      }),
    ],
  });
  for (const token of ['value', 'factory', 'async factory']) {
    expect(await app.get<Service>(token, { strict: false }).work()).toBe(token);
  }
  expect(await app.get<Service>('alias', { strict: false }).work()).toBe('factory');
  expect(backend.acquired('key')).toHaveLength(4);
});

it("attaches them before other providers' onModuleInit, also in modules below", async () => {
  const started: string[] = [];
  @Injectable()
  class Starter implements OnModuleInit {
    constructor(@Inject('factory') private readonly service: Service) {}
    async onModuleInit() {
      started.push(await this.service.work());
    }
  }
  const providers = [{ provide: 'factory', useFactory: () => new Service('early') }, Starter];
  const Below = moduleOf({ imports: [moduleOf({ imports: [moduleOf({ providers })] })] });
  await boot({ imports: [Below, withBackend().locks] });
  expect(started).toEqual(['early']);
});

it('leaves alone what has no locked methods, and what is no object', async () => {
  const app = await boot({
    imports: [withBackend().locks],
    providers: [
      { provide: 'null', useValue: null },
      { provide: 'text', useValue: 'text' },
      { provide: 'function', useValue: () => 1 },
      { provide: 'frozen', useValue: Object.freeze({ a: 1 }) },
      { provide: 'bare', useValue: Object.create(null) },
    ],
  });
  expect(app.get('frozen')).toEqual({ a: 1 });
});

it('does not replace what attachLocks has given', async () => {
  const mine: unknown[] = [];
  const mock = { run: async (key: unknown, body: any) => (mine.push(key), body({})) };
  const value = attachLocks(new Service('mocked'), mock);
  const { backend, locks } = withBackend();
  const app = await boot({ imports: [locks], providers: [{ provide: Service, useValue: value }] });
  expect(await app.get(Service).work()).toBe('mocked');
  expect(mine).toEqual(['key']);
  expect(backend.asked('key')).toHaveLength(0);
});

it('locks an object that two applications provide, and goes on when the first of them closes', async () => {
  const value = new Service('shared');
  const [one, two] = [withBackend(), withBackend()];
  const first = await boot({ imports: [one.locks], providers: [{ provide: Service, useValue: value }] });
  const second = await boot({ imports: [two.locks], providers: [{ provide: Service, useValue: value }] });
  expect(await value.work()).toBe('shared');
  expect([one.backend.acquired('key').length, two.backend.acquired('key').length]).toEqual([1, 0]);
  await first.close();
  expect(await value.work()).toBe('shared');
  expect([one.backend.acquired('key').length, two.backend.acquired('key').length]).toEqual([1, 1]);
  await second.close();
  expect((await errorOf(value.work())).code).toBe('LOCK_NOT_READY');
});

it('what attachLocks gives takes the place of what Nest has given', async () => {
  const { backend, locks } = withBackend();
  const app = await boot({ imports: [locks], providers: [Service] });
  attachLocks(app.get(Service), { run: async (_key: unknown, body: any) => body({}) });
  expect(await app.get(Service).work()).toBe('service');
  expect(backend.asked('key')).toHaveLength(0);
});

it('attaches the instances of request-scoped classes, by Nest', async () => {
  @Injectable({ scope: Scope.REQUEST })
  class PerRequest extends Service {
    constructor(readonly locks: LockService) {
      super('per request');
    }
  }
  const app = await boot({ imports: [withBackend().locks], providers: [PerRequest] });
  expect(await (await app.resolve(PerRequest)).work()).toBe('per request');
});
