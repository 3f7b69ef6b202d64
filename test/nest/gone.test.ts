import type { ArgumentsHost, ExceptionFilter, NestInterceptor } from '@nestjs/common';
import { Catch, Controller, Get, HttpException, Injectable, Sse, UseFilters } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import type { LockModuleOptions } from 'nestlock';
import { DistributedLock } from 'nestlock';
import { map, of, tap } from 'rxjs';
import { PLATFORMS, get, log, serve, settle, until, withBackend } from './support';

@Injectable()
class Service {
  @DistributedLock('k', { waitTimeout: '1m' })
  async items() {
    return { items: [1] };
  }
}

const caught: unknown[] = [];

@Catch()
class CatchAll implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    caught.push(error);
    const response = host.switchToHttp().getResponse<{ send(body: string): unknown }>();
    response.send('caught');
  }
}

@Controller()
class Routes {
  constructor(private readonly service: Service) {}

  @Get('locked')
  @DistributedLock('k', { waitTimeout: '1m' })
  async locked() {
    return { items: [1] };
  }

  @Get('calls')
  async calls() {
    return this.service.items();
  }

  @Sse('sse')
  async sse() {
    return of({ data: JSON.stringify(await this.service.items()) });
  }

  @Get('caught')
  @UseFilters(CatchAll)
  async caught() {
    return this.service.items();
  }
}

describe.each(PLATFORMS)('for an outer interceptor on %s, a request whose client has gone', (platform) => {
  /** Sends a request, lets its client go while it waits, and tells what an outer interceptor has seen of it. */
  async function leave(route: string, options: Omit<LockModuleOptions, 'backend'> = {}) {
    const seen: unknown[] = [];
    const envelope: NestInterceptor = {
      intercept: (_, next) =>
        next.handle().pipe(
          tap({ next: (value) => seen.push(value), error: (error) => seen.push(error) }),
          map((value) => value?.items ?? value.data),
        ),
    };
    const { backend, locks } = withBackend(options);
    const { url } = await serve(
      {
        imports: [locks],
        controllers: [Routes],
        providers: [Service, { provide: APP_INTERCEPTOR, useValue: envelope }],
      },
      { platform },
    );
    await backend.holdElsewhere('k');
    const client = get(`${url}/${route}`);
    await until(() => backend.asked('k').some((claim) => claim.wait));
    client.cut();
    await until(() => backend.asked('k').at(-1)!.signal.aborted);
    await settle();
    expect([log.errors, log.warnings]).toEqual([[], []]);
    return seen;
  }

  const gone = expect.objectContaining({
    status: 499,
    message: expect.stringContaining('closed by its client'),
  }) as unknown;

  it.each(['locked', 'calls'])('has failed, without an error log: %s', async (route) => {
    expect(await leave(route)).toEqual([gone]);
  });

  it.each(['locked', 'calls'])('has failed, without an error log, with exceptionFilter: false: %s', async (route) => {
    expect(await leave(route, { exceptionFilter: false })).toEqual([gone]);
  });

  it('has failed, or was unsubscribed from, without an error log: @Sse', async () => {
    expect((await leave('sse')).filter((value) => !(value instanceof HttpException))).toEqual([]);
  });

  it('has failed with an HttpException for filters that catch everything', async () => {
    caught.length = 0;
    expect(await leave('caught')).toEqual([gone]);
    expect(caught).toEqual([gone]);
  });
});
