import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { Catch, Controller, Get, HttpException, UseFilters } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import type { LockModuleOptions } from 'nestlock';
import {
  DistributedLock,
  LockConflictError,
  LockExceptionFilter,
  LockLostError,
  LockModule,
  LockTimeoutError,
  LockUnavailableError,
} from 'nestlock';
import { TestLockBackend } from 'nestlock/testing';
import { lastValueFrom } from 'rxjs';
import type { Observable } from 'rxjs';
import { PLATFORMS, contended, errorOf, gate, get, log, serve, thrownBy, withBackend } from './support';

@Controller()
class Routes {
  @Get('busy')
  @DistributedLock('secret-key', { waitTimeout: 0 })
  async busy() {
    return 'free';
  }

  @Get('conflict')
  async conflict() {
    throw new LockConflictError('secret-key', { attempts: 5 });
  }

  @Get('lost')
  async lost() {
    throw new LockLostError('secret-key', { reason: 'stolen' });
  }

  @Get('http')
  async http() {
    throw new HttpException('teapot', 418);
  }
}

async function answerOf(url: string) {
  const { status, headers, text } = await get(url).answer;
  return { status, retryAfter: headers['retry-after'] ?? null, text };
}

describe.each(PLATFORMS)('on %s', (platform) => {
  async function bootRoutes(options: Omit<LockModuleOptions, 'backend'> = {}, metadata: object = {}) {
    const { backend, locks } = withBackend(options);
    return { backend, ...(await serve({ imports: [locks], controllers: [Routes], ...metadata }, { platform })) };
  }

  it('answers 423 to a busy lock, without its key', async () => {
    const { backend, url } = await bootRoutes();
    const letGo = await backend.holdElsewhere('secret-key');
    const { status, retryAfter, text } = await answerOf(`${url}/busy`);
    expect([status, retryAfter]).toEqual([423, '1']);
    expect(JSON.parse(text)).toEqual({
      statusCode: 423,
      code: 'LOCK_TIMEOUT',
      message: 'The resource is busy. Try again later.',
    });
    await letGo();
    expect((await answerOf(`${url}/busy`)).text).toBe('free');
  });

  it('answers busyStatus if there is one', async () => {
    const { backend, url } = await bootRoutes({ exceptionFilter: { busyStatus: 409 } });
    await backend.holdElsewhere('secret-key');
    const { status, text } = await answerOf(`${url}/busy`);
    expect([status, JSON.parse(text).statusCode]).toEqual([409, 409]);
  });

  it('answers 503 to a store that is down', async () => {
    const { backend, url } = await bootRoutes();
    backend.goDown();
    const { status, retryAfter, text } = await answerOf(`${url}/busy`);
    expect([status, retryAfter]).toEqual([503, '1']);
    expect(text).toContain('"code":"LOCK_UNAVAILABLE"');
    expect(text).not.toContain('secret');
  });

  it('answers 409 to a conflict', async () => {
    const { url } = await bootRoutes();
    const { status, retryAfter, text } = await answerOf(`${url}/conflict`);
    expect([status, retryAfter]).toEqual([409, '1']);
    expect(text).toContain('"code":"LOCK_CONFLICT"');
    expect(text).not.toContain('secret');
    expect(log.errors).toEqual([]);
  });

  it('leaves every other error alone', async () => {
    const { url } = await bootRoutes();
    expect((await answerOf(`${url}/lost`)).status).toBe(500);
    expect(log.errors).toHaveLength(1);
    expect((await answerOf(`${url}/http`)).status).toBe(418);
    expect((await answerOf(`${url}/none`)).status).toBe(404);
  });

  it('exceptionFilter: false leaves the answer to Nest, which knows the status', async () => {
    const { backend, url } = await bootRoutes({ exceptionFilter: false });
    await backend.holdElsewhere('secret-key');
    const { status, retryAfter } = await answerOf(`${url}/busy`);
    expect([status, retryAfter]).toEqual([423, null]);
    backend.goDown();
    expect((await answerOf(`${url}/busy`)).status).toBe(503);
  });

  it('while shutting down answers 503 to who would have to wait', async () => {
    const entered = gate();
    const finish = gate();
    @Controller()
    class Slow {
      @Get('slow')
      @DistributedLock('slow')
      async slow() {
        entered.open();
        await finish.passed;
        return 'finished';
      }
    }
    const { url, app } = await bootRoutes({}, { controllers: [Slow] });
    const first = answerOf(`${url}/slow`);
    await entered.passed;
    const waits = contended('nestlock:slow');
    const second = answerOf(`${url}/slow`);
    await waits;
    const closed = app.close();
    const { status, retryAfter, text } = await second;
    expect([status, retryAfter]).toEqual([503, '1']);
    expect(JSON.parse(text)).toMatchObject({
      code: 'LOCK_NOT_READY',
      message: 'The service is restarting. Try again later.',
    });
    finish.open();
    expect(await first).toMatchObject({ status: 200, text: 'finished' });
    await closed;
  });
});

describe("a user's own filter wins", () => {
  @Catch(LockTimeoutError)
  class Own implements ExceptionFilter {
    catch(_error: LockTimeoutError, host: ArgumentsHost) {
      host
        .switchToHttp()
        .getResponse<{ status(code: number): { send(body: string): void } }>()
        .status(429)
        .send('mine');
    }
  }

  it('on the method or the class', async () => {
    @Controller()
    @UseFilters(Own)
    class Filtered extends Routes {}
    const { backend, locks } = withBackend();
    const { url } = await serve({ imports: [locks], controllers: [Filtered] });
    await backend.holdElsewhere('secret-key');
    expect(await answerOf(`${url}/busy`)).toMatchObject({ status: 429, text: 'mine' });
  });

  it('by useGlobalFilters', async () => {
    const { backend, locks } = withBackend();
    const { url } = await serve(
      { imports: [locks], controllers: [Routes] },
      { prepare: (app) => app.useGlobalFilters(new Own()) },
    );
    await backend.holdElsewhere('secret-key');
    expect(await answerOf(`${url}/busy`)).toMatchObject({ status: 429, text: 'mine' });
  });

  // Nest asks the global filters of imported modules before those of the modules that import them.
  it('by APP_FILTER, with exceptionFilter: false', async () => {
    const { backend, locks } = withBackend({ exceptionFilter: false });
    const providers = [{ provide: APP_FILTER, useClass: Own }];
    const { url } = await serve({ imports: [locks], controllers: [Routes], providers });
    await backend.holdElsewhere('secret-key');
    expect(await answerOf(`${url}/busy`)).toMatchObject({ status: 429, text: 'mine' });
  });
});

describe('by itself', () => {
  const hostOf = (type: string, client: object = {}) =>
    ({ getType: () => type, switchToWs: () => ({ getClient: () => client }) }) as unknown as ArgumentsHost;
  const busy = new LockTimeoutError('secret-key', { waited: 0 });

  it('throws again for hosts that it does not know', () => {
    expect(thrownBy(() => new LockExceptionFilter().catch(busy, hostOf('graphql')))).toBe(busy);
    expect(thrownBy(() => new LockExceptionFilter().catch(busy, hostOf('http')))).toBe(busy);
  });

  it('gives RPC an error without the key', async () => {
    const answer = new LockExceptionFilter().catch(new LockUnavailableError('secret-key'), hostOf('rpc'));
    expect(await errorOf(lastValueFrom(answer as Observable<unknown>))).toEqual({
      status: 'error',
      code: 'LOCK_UNAVAILABLE',
      message: 'The service is temporarily unavailable. Try again later.',
    });
  });
});

it('answers with each set-up its own busyStatus', async () => {
  @Controller()
  class Two {
    @Get('main')
    @DistributedLock('k', { waitTimeout: 0 })
    async main() {}

    @Get('ledger')
    @DistributedLock('k', { waitTimeout: 0, instance: 'ledger' })
    async ledger() {}
  }
  const [main, ledger] = [new TestLockBackend(), new TestLockBackend()];
  const { url } = await serve({
    controllers: [Two],
    imports: [
      LockModule.forRoot({ backend: main }),
      LockModule.forRoot({ backend: ledger, instance: 'ledger', exceptionFilter: { busyStatus: 409 } }),
    ],
  });
  await Promise.all([main.holdElsewhere('k'), ledger.holdElsewhere('k')]);
  expect([(await fetch(`${url}/main`)).status, (await fetch(`${url}/ledger`)).status]).toEqual([423, 409]);
});
