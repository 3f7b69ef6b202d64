import { Controller, Get, Injectable, Param } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleDestroy } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { DistributedLock, LockModule, LockService } from 'nestlock';
import { PLATFORMS, SpyBackend, boot, contended, errorOf, gate, get, log, serve, withBackend } from './support';

let entered = gate();
let finish = gate();

@Injectable()
class Service {
  constructor(private readonly locks: LockService) {}

  @DistributedLock('inner:{0}')
  async inner(_id: string) {
    return this.locks.current()?.held;
  }
}

@Controller()
class Routes {
  constructor(private readonly service: Service) {}

  @Get('slow/:id')
  @DistributedLock('slow')
  async slow(@Param('id') id: string) {
    entered.open();
    await finish.passed;
    return { finished: id, inner: await this.service.inner(id) };
  }

  @Get('wait')
  @DistributedLock('elsewhere', { waitTimeout: '1m' })
  async wait() {
    return 'never';
  }
}

async function bootRoutes(platform: (typeof PLATFORMS)[number]) {
  [entered, finish] = [gate(), gate()];
  const { backend, locks } = withBackend();
  return { backend, ...(await serve({ imports: [locks], controllers: [Routes], providers: [Service] }, { platform })) };
}

describe.each(PLATFORMS)('app.close() on %s', (platform) => {
  it('lets a request in flight finish, with further locks that are free', async () => {
    const { url, app } = await bootRoutes(platform);
    const { answer } = get(`${url}/slow/7`);
    await entered.passed;
    const closed = app.close();
    finish.open();
    const { status, text } = await answer;
    expect([status, JSON.parse(text)]).toEqual([200, { finished: '7', inner: true }]);
    await closed;
    expect(log.errors).toEqual([]);
  });

  it('refuses who waits, at once, and gives everything back', async () => {
    const { url, app, backend } = await bootRoutes(platform);
    await backend.holdElsewhere('elsewhere');
    const waits = contended('nestlock:elsewhere');
    const { answer } = get(`${url}/wait`);
    await waits;
    const closed = app.close();
    const { status, headers } = await answer;
    expect([status, headers['retry-after']]).toEqual([503, '1']);
    await closed;
    const letGo = await backend.holdElsewhere('slow'); // would wait for ever if it were held
    await letGo();
  });
});

it('awaits the sections of jobs, releases their locks, and closes the backend only then', async () => {
  [entered, finish] = [gate(), gate()];
  const order: string[] = [];

  @Injectable()
  class Jobs {
    @Cron('* * * * * *')
    @DistributedLock({ key: 'job', onBusy: 'skip' })
    async job() {
      entered.open();
      await finish.passed;
      order.push('job done');
    }
  }
  const backend = new SpyBackend();
  backend.close = async () => void order.push('backend closed');
  const app = await boot({ imports: [LockModule.forRoot({ backend }), ScheduleModule.forRoot()], providers: [Jobs] });
  await entered.passed;
  const closed = app.close();
  finish.open();
  await closed;
  expect(order).toEqual(['job done', 'backend closed']);
  expect(log.errors).toEqual([]);
});

it('lets a section that outlives shutdownTimeout know, and never releases its lock', async () => {
  const { backend, locks } = withBackend({ shutdownTimeout: 20 });
  const app = await boot({ imports: [locks] });
  const holding = gate();
  let signal!: AbortSignal;
  const section = errorOf(
    app.get(LockService).run('k', async (lock) => {
      ({ signal } = lock);
      entered.open();
      await holding.passed;
    }),
  );
  await app.close();
  expect(signal.aborted).toBe(true);
  expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'shutdown' });
  expect(await new LockService({ backend }).tryAcquire('k')).toBeNull();
  holding.open();
  expect(await section).toMatchObject({ code: 'LOCK_LOST' });
});

it('does so though a request keeps the server, and with it the application, from closing', async () => {
  [entered, finish] = [gate(), gate()];
  let signal!: AbortSignal;

  @Controller()
  class Hangs {
    constructor(private readonly locks: LockService) {}

    @Get('hangs')
    @DistributedLock('k')
    async hangs() {
      ({ signal } = this.locks.current()!);
      entered.open();
      await finish.passed;
    }
  }
  const { url, app } = await serve({
    imports: [withBackend({ shutdownTimeout: 20 }).locks],
    controllers: [Hangs],
  });
  const { answer } = get(`${url}/hangs`);
  await entered.passed;
  const closed = app.close();
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'shutdown' });
  finish.open();
  expect((await answer).status).toBe(500);
  await closed;
});

it('still locks while other modules are destroyed, and refuses when the application is over', async () => {
  const done: string[] = [];

  @Injectable()
  class Last implements OnModuleDestroy, OnApplicationShutdown {
    constructor(private readonly service: Service) {}
    async onModuleDestroy() {
      done.push(`destroyed ${String(await this.service.inner('x'))}`);
    }
    onApplicationShutdown() {
      done.push('shut down');
    }
  }
  const { locks } = withBackend();
  const app = await boot({ imports: [locks], providers: [Last, Service] });
  const late = app.get(LockService);
  await app.close();
  expect(done).toEqual(['destroyed true', 'shut down']);
  const error = await errorOf(late.acquire('k'));
  expect(error).toMatchObject({ name: 'LockNotReadyError', code: 'LOCK_NOT_READY', status: 503 });
  expect(error.message).toBe('Lock "k" was not taken: the application is shutting down.');
});

it('may be called twice', async () => {
  const backend = new SpyBackend();
  const app = await boot({ imports: [LockModule.forRoot({ backend })] });
  await Promise.all([app.close(), app.close()]);
  await app.close();
  expect(backend.closed).toBe(1);
});
