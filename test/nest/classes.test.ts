import type {
  CanActivate,
  MiddlewareConsumer,
  NestMiddleware,
  NestModule,
  OnModuleInit,
  PipeTransform,
} from '@nestjs/common';
import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  Param,
  UseGuards,
  UseInterceptors,
  UsePipes,
} from '@nestjs/common';
import { APP_GUARD, LazyModuleLoader, NestFactory } from '@nestjs/core';
import { DistributedLock, LockModule, LockService } from 'nestlock';
import { SpyBackend, boot, closeLater, log, moduleOf, serve, withBackend } from './support';

/** Says in which lock it was called. */
class Locked {
  @Inject(LockService) protected readonly locks!: LockService;
  readonly seen: unknown[] = [];

  see<T>(value: T): T {
    this.seen.push(this.locks.current()?.keys[0]);
    return value;
  }
}

describe('every class that Nest creates:', () => {
  it('modules, and hooks of the lifecycle', async () => {
    const backend = new SpyBackend();
    @Module({ imports: [LockModule.forRoot({ backend })] })
    class AppModule extends Locked implements OnModuleInit {
      @DistributedLock('init')
      async onModuleInit() {
        this.see(0);
      }

      @DistributedLock('destroy')
      async onModuleDestroy() {
        this.see(0);
      }
    }
    const app = await boot(AppModule);
    await app.close();
    expect(app.get(AppModule).seen).toEqual(['init', 'destroy']);
  });

  it('guards, pipes, interceptors, middleware', async () => {
    const seen: unknown[] = [];
    class Noting extends Locked {
      override see<T>(value: T): T {
        seen.push(this.locks.current()?.keys[0]);
        return value;
      }
    }

    @Injectable()
    class GlobalGuard extends Noting implements CanActivate {
      @DistributedLock('global guard')
      async canActivate() {
        return this.see(true);
      }
    }
    @Injectable()
    class Guard extends Noting implements CanActivate {
      @DistributedLock('guard')
      async canActivate() {
        return this.see(true);
      }
    }
    @Injectable()
    class Pipe extends Noting implements PipeTransform {
      @DistributedLock('pipe')
      async transform(value: unknown) {
        return this.see(value);
      }
    }
    @Injectable()
    class Interceptor extends Noting {
      @DistributedLock('interceptor')
      async intercept(_context: unknown, next: { handle(): any }) {
        this.see(0);
        return next.handle();
      }
    }
    @Injectable()
    class Middleware extends Noting implements NestMiddleware {
      @DistributedLock('middleware')
      async use(_request: unknown, _response: unknown, next: () => void) {
        this.see(0);
        setImmediate(next);
      }
    }
    @Controller()
    class Routes {
      @Get(':id')
      @UseGuards(Guard)
      @UsePipes(Pipe)
      @UseInterceptors(Interceptor)
      async get(@Param('id') id: string) {
        return id;
      }
    }
    @Module({
      imports: [withBackend().locks],
      controllers: [Routes],
      providers: [{ provide: APP_GUARD, useClass: GlobalGuard }],
    })
    class AppModule implements NestModule {
      configure(consumer: MiddlewareConsumer) {
        consumer.apply(Middleware).forRoutes(Routes);
      }
    }
    const { url } = await serve(AppModule);
    expect(await (await fetch(`${url}/7`)).text()).toBe('7');
    expect(seen).toEqual(['middleware', 'global guard', 'guard', 'interceptor', 'pipe']);
    expect(log.errors).toEqual([]);
  });

  it('lazily loaded ones', async () => {
    @Injectable()
    class Lazy extends Locked {
      @DistributedLock('lazy')
      async work() {
        this.see(0);
      }
    }
    const app = await boot({ imports: [withBackend().locks] });
    const loaded = await app.get(LazyModuleLoader).load(() => moduleOf({ providers: [Lazy] }));
    await loaded.get(Lazy).work();
    expect(loaded.get(Lazy).seen).toEqual(['lazy']);
  });

  it('without a server', async () => {
    @Injectable()
    class Job extends Locked {
      @DistributedLock('job')
      async work() {
        this.see(0);
      }
    }
    const context = await NestFactory.createApplicationContext(
      moduleOf({ imports: [withBackend().locks], providers: [Job] }),
      { logger: log, abortOnError: false },
    );
    closeLater(context);
    await context.get(Job).work();
    expect(context.get(Job).seen).toEqual(['job']);
    expect(log.warnings).toEqual([]);
  });
});
