import type { ExecutionContext } from '@nestjs/common';
import { Controller, Get, Injectable, Param, Post, Req } from '@nestjs/common';
import { DistributedLock, LockInterceptor, LockService } from 'nestlock';
import { firstValueFrom, from } from 'rxjs';
import { PLATFORMS, boot, errorOf, log, serve, settle, withBackend } from './support';

@Injectable()
class Carts {
  constructor(private readonly locks: LockService) {}

  @DistributedLock('cart:{req.user.id}')
  async fill() {
    await settle();
    return this.locks.current()?.keys[0];
  }

  @DistributedLock('own:{req.id}')
  async named(req: { id: string }) {
    void req;
    return this.locks.current()?.keys[0];
  }
}

@Controller()
class Routes {
  constructor(
    private readonly carts: Carts,
    private readonly locks: LockService,
  ) {}

  @Get('handler/:id')
  @DistributedLock('{req.params.id}:{req.headers.x-tenant}')
  async handler() {
    return this.locks.current()?.keys[0];
  }

  @Get('service/:id')
  async service() {
    return this.carts.fill();
  }

  @Post('later/:id')
  async later() {
    await settle();
    return Promise.all([this.carts.fill(), settle()]).then(([key]) => key);
  }

  @Get('named/:id')
  @DistributedLock('{req}')
  async named(@Param('id') req: string) {
    void req;
    return [this.locks.current()?.keys[0], await this.carts.named({ id: 'argument' })].join();
  }

  @Get('whole/:id')
  @DistributedLock('{req.method}:{request.url}')
  async whole(@Req() request: { url: string }) {
    return request.url + String(this.locks.current()?.keys[0]);
  }
}

/** What an authentication would leave on the request. */
const user = (id: string) => ({ headers: { 'x-tenant': 'acme', 'x-user': id } });

describe.each(PLATFORMS)('{req.…} on %s', (platform) => {
  const bootRoutes = () =>
    serve(
      { imports: [withBackend().locks], controllers: [Routes], providers: [Carts] },
      {
        platform,
        prepare: (app) =>
          app.useGlobalGuards({
            canActivate: (context) => {
              const request = context.switchToHttp().getRequest<{ user: unknown; headers: Record<string, string> }>();
              request.user = { id: request.headers['x-user'] };
              return true;
            },
          }),
      },
    );

  it('is the current request, in the handler', async () => {
    const { url } = await bootRoutes();
    expect(await (await fetch(`${url}/handler/7`, user('u'))).text()).toBe('7:acme');
    expect(await (await fetch(`${url}/whole/7`, user('u'))).text()).toBe('/whole/7GET:/whole/7');
  });

  it('is the current request, in a service that an undecorated handler calls', async () => {
    const { url } = await bootRoutes();
    expect(await (await fetch(`${url}/service/7`, user('u1'))).text()).toBe('cart:u1');
    const keys = [1, 2, 3].map(async (id) =>
      (await fetch(`${url}/later/1`, { method: 'POST', ...user(`u${id}`) })).text(),
    );
    expect(await Promise.all(keys)).toEqual(['cart:u1', 'cart:u2', 'cart:u3']);
  });

  it('is an argument where a parameter has that name', async () => {
    const { url } = await bootRoutes();
    expect(await (await fetch(`${url}/named/7`, user('u'))).text()).toBe('7,own:argument');
  });

  it('without the property is a LockKeyError', async () => {
    const { url } = await bootRoutes();
    expect((await fetch(`${url}/service/7`)).status).toBe(500);
    expect(log.errors.join()).toContain(
      'Expected {req.user.id} in the lock key of Carts.fill to be a non-empty string',
    );
  });
});

it('is the req of the context, for GraphQL', async () => {
  const { backend, locks } = withBackend();
  const app = await boot({ imports: [locks], providers: [Carts] });
  const asks = async (context: object, type = 'graphql') => {
    const execution = { getType: () => type, getArgByIndex: (index: number) => [{}, {}, context, {}][index] };
    const next = { handle: () => from(app.get(Carts).fill()) };
    return firstValueFrom(new LockInterceptor().intercept(execution as unknown as ExecutionContext, next));
  };
  expect(await asks({ req: { user: { id: 'u' } } })).toBe('cart:u');
  expect(await errorOf(asks({}))).toMatchObject({ code: 'LOCK_KEY' });
  expect((await errorOf(asks({}, 'rpc'))).message).toContain(
    'needs an HTTP or GraphQL request, and this is a "rpc" message',
  );
  expect(backend.asked('cart:u')).toHaveLength(1);
});

it('outside of a request is a LockKeyError that tells where it works', async () => {
  const { backend, locks } = withBackend();
  const app = await boot({ imports: [locks], providers: [Carts] });
  const error = await errorOf(app.get(Carts).fill());
  expect(error.code).toBe('LOCK_KEY');
  expect(error.message).toContain('was used outside of a request');
  expect(backend.asked('cart:')).toHaveLength(0);
});
