import {
  BadRequestException,
  Controller,
  Get,
  Injectable,
  Param,
  ParseIntPipe,
  Sse,
  StreamableFile,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { DistributedLock, LockInterceptor, LockService } from 'nestlock';
import type { TestLockBackend } from 'nestlock/testing';
import { NEVER, Observable, interval, map, retry, throwError, timeout } from 'rxjs';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { RequestContext } from '../../lib/nest/request-context';
import { PLATFORMS, gate, get, log, serve, settle, until, withBackend } from './support';

@Injectable()
class Service {
  readonly ran: string[] = [];

  @DistributedLock('service', { waitTimeout: '1m' })
  async work(name = 'work') {
    this.ran.push(name);
  }
}

@Controller()
class Routes {
  readonly body = new Readable({ read() {} });
  background: Promise<unknown> = Promise.resolve();
  outcome: unknown;
  constructor(
    private readonly service: Service,
    private readonly locks: LockService,
  ) {}

  @Get('locked')
  @DistributedLock('locked', { waitTimeout: '1m' })
  async locked() {
    this.service.ran.push('locked');
  }

  @Get('calls')
  async calls() {
    await this.service.work();
  }

  @Get('notes')
  async notes() {
    try {
      await this.service.work();
    } catch (error) {
      this.outcome = error;
      throw error;
    }
  }

  @Get('cleans-up')
  async cleansUp() {
    try {
      await this.service.work('waits');
    } finally {
      this.background = this.locks.run('unused', () => this.service.work('cleans up'));
    }
  }

  @Get('background')
  async inBackground() {
    this.background = this.service.work('in background');
    return 'answered';
  }

  @Get('streams')
  streams() {
    this.background = this.service.work('while it streams');
    this.body.push('part');
    return new StreamableFile(this.body);
  }

  @Get('detached')
  async detached() {
    this.background = settle().then(() => this.service.work('detached'));
    return 'answered';
  }

  @Get('holds')
  @DistributedLock('holds', { waitTimeout: '1m' })
  async holds() {
    entered.open();
    await finish.passed;
    this.outcome = this.locks.current()?.held;
  }

  @Sse('sse')
  @DistributedLock('sse', { waitTimeout: '1m' })
  sse(): Observable<{ data: string }> {
    this.service.ran.push('sse');
    return interval(5).pipe(map((n) => ({ data: String(n) })));
  }

  @Get('piped/:id')
  @DistributedLock('piped', { waitTimeout: '1m' })
  async piped(@Param('id', ParseIntPipe) id: number) {
    return id;
  }

  @Get('guarded')
  @UseGuards({
    canActivate: () => {
      throw new BadRequestException();
    },
  })
  @DistributedLock('guarded', { waitTimeout: '1m' })
  async guarded() {}
}

let entered = gate();
let finish = gate();

async function bootRoutes(platform: (typeof PLATFORMS)[number], providers: any[] = []) {
  [entered, finish] = [gate(), gate()];
  const { backend, locks } = withBackend();
  const { app, url } = await serve(
    { imports: [locks], controllers: [Routes], providers: [Service, ...providers] },
    { platform },
  );
  return { backend, app, url, routes: app.get(Routes), ran: app.get(Service).ran };
}

const waits = (backend: TestLockBackend, key: string) => until(() => backend.asked(key).some((claim) => claim.wait));
const hasLeft = (backend: TestLockBackend, key: string) => () =>
  backend.asked(key).every((claim) => claim.signal.aborted);

describe.each(PLATFORMS)('on %s', (platform) => {
  it.each([
    ['locked', 'locked'],
    ['calls', 'service'],
  ])('a client that goes while its request waits leaves the line, without an error log: %s', async (route, key) => {
    const { backend, url, app, ran } = await bootRoutes(platform);
    const letGo = await backend.holdElsewhere(key);
    const client = get(`${url}/${route}`);
    await waits(backend, key);
    client.cut();
    await until(hasLeft(backend, key));
    await letGo();
    await app.get(LockService).run(key, () => undefined); // nobody else is in the line
    await settle();
    expect(ran).toEqual([]);
    expect([log.errors, log.warnings]).toEqual([[], []]);
  });

  it('a client of @Sse that goes leaves the line, or frees the lock', async () => {
    const { backend, url, app, ran } = await bootRoutes(platform);
    const letGo = await backend.holdElsewhere('sse');
    const waiting = get(`${url}/sse`);
    await waits(backend, 'sse');
    waiting.cut();
    await until(hasLeft(backend, 'sse'));
    await letGo();
    expect(ran).toEqual([]);

    const listening = get(`${url}/sse`);
    await until(() => ran.length === 1);
    expect(await app.get(LockService).tryAcquire('sse')).toBeNull();
    listening.cut();
    await app.get(LockService).run('sse', () => undefined);
    expect(log.errors).toEqual([]);
  });

  it('tells the handler why its call was given up', async () => {
    const { backend, url, routes } = await bootRoutes(platform);
    await backend.holdElsewhere('service');
    const client = get(`${url}/notes`);
    await waits(backend, 'service');
    client.cut();
    await until(() => routes.outcome);
    expect(String(routes.outcome)).toContain('was closed by its client while it waited for a lock');
    expect(log.errors).toEqual([]);
  });

  it('what the handler still does for a client that has gone takes its locks', async () => {
    const { backend, url, routes, ran } = await bootRoutes(platform);
    const letGo = await backend.holdElsewhere('service');
    const client = get(`${url}/cleans-up`);
    await waits(backend, 'service');
    client.cut();
    await until(() => backend.asked('service').length === 2);
    await letGo();
    await routes.background;
    expect(ran).toEqual(['cleans up']);
  });

  it('only that client: others go on waiting', async () => {
    const { app, backend, url, ran } = await bootRoutes(platform);
    let [come, gone] = [0, 0];
    app.getHttpServer().on('request', (_: unknown, response: ServerResponse) => {
      come++;
      response.once('close', () => gone++);
    });
    const letGo = await backend.holdElsewhere('locked');
    const client = get(`${url}/locked`);
    await waits(backend, 'locked');
    const patient = get(`${url}/locked`).answer;
    await until(() => come === 2);
    client.cut();
    await until(() => gone === 1);
    await settle();
    await letGo();
    expect((await patient).status).toBe(200);
    expect(ran).toEqual(['locked']);
  });

  it('does not disturb a section that already runs', async () => {
    const { url, routes, app } = await bootRoutes(platform);
    const client = get(`${url}/holds`);
    await entered.passed;
    client.cut();
    expect(await app.get(LockService).tryAcquire('holds')).toBeNull();
    finish.open();
    await until(() => routes.outcome !== undefined);
    expect(routes.outcome).toBe(true);
    expect(log.errors).toEqual([]);
  });

  it.each(['background', 'detached'])(
    'lets the work that an answered request has left behind go on waiting: %s',
    async (route) => {
      const { backend, url, routes, ran } = await bootRoutes(platform);
      const letGo = await backend.holdElsewhere('service');
      const client = get(`${url}/${route}`);
      expect((await client.answer).text).toBe('answered');
      client.cut();
      await waits(backend, 'service');
      await settle();
      expect(ran).toEqual([]);
      await letGo();
      await routes.background;
      expect(ran).toHaveLength(1);
    },
  );

  it('also when its client goes before all of the answer was sent', async () => {
    const { backend, url, routes, ran } = await bootRoutes(platform);
    const letGo = await backend.holdElsewhere('service');
    const client = get(`${url}/streams`);
    await client.started;
    client.cut();
    await until(() => routes.body.destroyed);
    await settle();
    await letGo();
    await routes.background;
    expect(ran).toEqual(['while it streams']);
  });

  it('a request that a pipe or guard refuses never asks for the lock', async () => {
    const { backend, url } = await bootRoutes(platform);
    expect((await fetch(`${url}/piped/x`)).status).toBe(400);
    expect((await fetch(`${url}/guarded`)).status).toBe(400);
    expect([...backend.asked('piped'), ...backend.asked('guarded')]).toEqual([]);
    expect(await (await fetch(`${url}/piped/5`)).text()).toBe('5');
  });

  it('an outer interceptor that gives up takes the request out of the line', async () => {
    @Injectable()
    class Impatient implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle().pipe(timeout(50));
      }
    }
    const { backend, url, ran } = await bootRoutes(platform, [{ provide: APP_INTERCEPTOR, useClass: Impatient }]);
    for (const [route, key] of [
      ['locked', 'locked'],
      ['calls', 'service'],
    ] as const) {
      const letGo = await backend.holdElsewhere(key);
      expect((await fetch(`${url}/${route}`)).status).toBe(500);
      await until(hasLeft(backend, key));
      await letGo();
    }
    await settle();
    expect(ran).toEqual([]);
  });

  it('does nothing the second time', async () => {
    @Controller('twice')
    @UseInterceptors(LockInterceptor)
    class Twice {
      constructor(private readonly service: Service) {}
      @Get()
      @UseInterceptors(LockInterceptor, LockInterceptor)
      @DistributedLock('twice:{req.headers.host}')
      async get() {
        await this.service.work();
        return 'ok';
      }
    }
    const { locks } = withBackend();
    const { url } = await serve({ imports: [locks], controllers: [Twice], providers: [Service] }, { platform });
    expect(await (await fetch(`${url}/twice`)).text()).toBe('ok');
  });
});

it('a request that an outer interceptor tries again can still be seen to have no client', () => {
  const response = new EventEmitter();
  const execution = { getType: () => 'graphql', getArgByIndex: () => ({ res: response }) } as never;
  let tries = 0;
  let waiting: AbortSignal | undefined;
  const answer = new LockInterceptor().intercept(execution, {
    handle: () => {
      if (tries++ === 0) return throwError(() => new Error('not yet'));
      waiting = RequestContext.current()!.waiting;
      return NEVER;
    },
  });
  answer.pipe(retry(1)).subscribe();
  expect(waiting!.aborted).toBe(false);
  response.emit('close');
  expect(waiting!.aborted).toBe(true);
});

it('one response has one listener, however many handlers of a request wait', () => {
  const response = new EventEmitter();
  const execution = { getType: () => 'graphql', getArgByIndex: () => ({ res: response }) } as never;
  const contexts = Array.from({ length: 12 }, () => new RequestContext(execution));
  const waiting = contexts.map((context) => context.waiting!);
  expect(response.listenerCount('close')).toBe(1);
  contexts[0]!.end();
  response.emit('close');
  expect(waiting.map(({ aborted }) => aborted)).toEqual([false, ...Array<boolean>(11).fill(true)]);
  for (const context of contexts) context.end();
  expect(response.listenerCount('close')).toBe(0);

  const [first, second] = [new RequestContext(execution), new RequestContext(execution)];
  expect([first.waiting!.aborted, second.waiting!.aborted, response.listenerCount('close')]).toEqual([false, false, 1]);
  first.end();
  expect(response.listenerCount('close')).toBe(1);
  second.end();
  expect(response.listenerCount('close')).toBe(0);
});
