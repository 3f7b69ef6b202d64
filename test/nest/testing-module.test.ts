import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  DistributedLock,
  LockLostError,
  LockModule,
  LockService,
  LockTimeoutError,
  LockUnavailableError,
  getLockBackendToken,
} from 'nestlock';
import type { LockTestingModuleOptions } from 'nestlock/testing';
import { FakeClock, LockTestingModule, TestLockBackend, attachLocks } from 'nestlock/testing';
import { SpyBackend, closeLater, errorOf, gate, log, moduleOf, settle, until } from './support';

@Injectable()
class Tickets {
  constructor(private readonly locks?: LockService) {}
  readonly entered: string[] = [];

  @DistributedLock('event:{id}', { waitTimeout: '10m' })
  async reserve(id: string, until?: Promise<void>) {
    this.entered.push(id);
    await until;
    return this.locks?.current()?.held;
  }
}

async function compile(options?: LockTestingModuleOptions) {
  const module = await Test.createTestingModule({ imports: [LockTestingModule.forRoot(options)], providers: [Tickets] })
    .setLogger(log)
    .compile();
  closeLater(await module.init());
  return { tickets: module.get(Tickets), backend: module.get(TestLockBackend), locks: module.get(LockService), module };
}

it('needs no server and warns of nothing', async () => {
  const { tickets, backend } = await compile();
  expect(await tickets.reserve('7')).toBe(true);
  expect(backend.acquired('event:7')).toHaveLength(1);
  expect(log.warnings).toEqual([]);
});

it('shows what happens when somebody else holds the lock, in controllable time', async () => {
  const clock = new FakeClock();
  const { tickets, backend } = await compile({ clock });
  const letGo = await backend.holdElsewhere('event:7');
  const busy = errorOf(tickets.reserve('7'));
  await clock.advance(600_000);
  expect(await busy).toBeInstanceOf(LockTimeoutError);
  const waiting = tickets.reserve('7');
  await clock.advance(599_999);
  expect(tickets.entered).toEqual([]);
  await letGo();
  expect(await waiting).toBe(true);
});

it('shows what happens when a lock is lost while the work runs', async () => {
  const { tickets, backend } = await compile();
  const work = gate();
  const lost = errorOf(tickets.reserve('7', work.passed));
  await until(() => tickets.entered.length === 1);
  backend.lose('event:7');
  work.open();
  const error = await lost;
  expect(error).toBeInstanceOf(LockLostError);
  expect(error).toMatchObject({ reason: 'stolen', result: false });
});

it('shows what happens when the ttl ends under the work', async () => {
  const { tickets, backend } = await compile({ clock: new FakeClock() });
  const work = gate();
  const slow = errorOf(tickets.reserve('7', work.passed));
  await settle();
  backend.expire('event:7');
  expect(await tickets.reserve('8')).toBe(true);
  await backend.holdElsewhere('event:7'); // free for others
  work.open();
  expect(await slow).toBeInstanceOf(LockLostError);
});

it('shows what happens when the store is down', async () => {
  const { tickets, backend } = await compile();
  backend.goDown();
  expect(await errorOf(tickets.reserve('7'))).toBeInstanceOf(LockUnavailableError);
  backend.comeUp();
  expect(await tickets.reserve('7')).toBe(true);
});

it('takes the options of LockModule', async () => {
  const { backend, locks } = await compile({ prefix: 'mine:', ttl: '5m' });
  await locks.run('k', async () => undefined);
  expect(backend.acquired('k')[0]).toMatchObject({ key: 'mine:k', ttl: 300_000 });
  expect(() => LockTestingModule.forRoot({ ttl: 1 })).toThrow('Expected "ttl" to be');
});

it('stands beside named set-ups, and re-exports when it is not global', async () => {
  const Shared = moduleOf({
    imports: [LockTestingModule.forRoot({ isGlobal: false })],
    exports: [LockTestingModule],
  });
  const module = await Test.createTestingModule({
    imports: [Shared, LockTestingModule.forRoot({ instance: 'ledger' })],
    providers: [Tickets],
  }).compile();
  closeLater(await module.init());
  expect(await module.get(Tickets).reserve('7')).toBe(true);
  expect(module.get(getLockBackendToken('ledger'), { strict: false })).toBeInstanceOf(TestLockBackend);
});

it('a TestLockBackend can take the place of the real backend of a whole application', async () => {
  const real = new SpyBackend();
  const AppModule = moduleOf({ imports: [LockModule.forRoot({ backend: real })], providers: [Tickets] });
  const backend = new TestLockBackend();
  const module = await Test.createTestingModule({ imports: [AppModule] })
    .overrideProvider(getLockBackendToken())
    .useValue(backend)
    .compile();
  closeLater(await module.init());
  await module.get(Tickets).reserve('7');
  expect(backend.acquired('event:7')).toHaveLength(1);
  expect([real.opened, real.claims.length]).toEqual([0, 0]);
});

describe('attachLocks', () => {
  it('lets a mock with run stand in for the locks', async () => {
    const keys: unknown[] = [];
    const tickets = attachLocks(new Tickets(), {
      run: async (key: unknown, body: any) => (keys.push(key), body(undefined)),
    });
    expect(await tickets.reserve('7')).toBeUndefined();
    expect(keys).toEqual(['event:7']);
    const busy = attachLocks(new Tickets(), { run: () => Promise.reject(new LockTimeoutError('k', { waited: 0 })) });
    expect(await errorOf(busy.reserve('7'))).toBeInstanceOf(LockTimeoutError);
    expect(busy.entered).toEqual([]);
  });

  it('takes real locks, and those of a named set-up', async () => {
    class Ledger {
      @DistributedLock('book', { instance: 'ledger' })
      async book() {
        return 'booked';
      }
    }
    const backend = new TestLockBackend();
    const ledger = attachLocks(new Ledger(), new LockService({ backend }), 'ledger');
    expect(await ledger.book()).toBe('booked');
    expect(backend.acquired('book')).toHaveLength(1);
    expect((await errorOf(attachLocks(new Ledger(), new LockService({ backend })).book())).code).toBe('LOCK_NOT_READY');
  });
});
