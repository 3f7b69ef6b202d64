import { Controller, Get, Inject, UseFilters, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { ClientProxy, MicroserviceOptions } from '@nestjs/microservices';
import {
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { DistributedLock, LockExceptionFilter, LockInterceptor, LockService } from 'nestlock';
import { firstValueFrom } from 'rxjs';
import { freePort } from '../servers/ports';
import type { Position } from './support';
import { POSITIONS, arrange, closeLater, errorOf, log, moduleOf, serve, until, withBackend } from './support';

function handlersAt(position: Position) {
  const lock = (key: string) => DistributedLock(key, { waitTimeout: 0 });
  const [messageUpper, messageLower] = arrange(position, lock('{order.id}'), MessagePattern('message'));
  const [eventUpper, eventLower] = arrange(position, lock('event'), EventPattern('event') as MethodDecorator);

  @Controller()
  class Handlers {
    readonly events: unknown[] = [];
    constructor(@Inject(LockService) private readonly locks: LockService) {}

    @messageUpper
    @messageLower
    async message(@Payload() order: { id: string; fail?: boolean }) {
      if (order.fail) throw new RpcException('as it was');
      return { order, keys: this.locks.current()?.keys };
    }

    @eventUpper
    @eventLower
    async event(@Payload() payload: string) {
      this.events.push(payload + String(this.locks.current()?.keys));
    }
  }
  return Handlers;
}

async function connect(port: number): Promise<ClientProxy> {
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  closeLater({ close: async () => client.close() });
  await client.connect();
  return client;
}

const send = (client: ClientProxy, pattern: string, data: unknown): Promise<unknown> =>
  firstValueFrom(client.send(pattern, data));

const BUSY = { status: 'error', code: 'LOCK_TIMEOUT', message: 'The resource is busy. Try again later.' };

async function microservice(controller: new (...args: never[]) => object) {
  const { backend, locks } = withBackend();
  const port = await freePort();
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(
    moduleOf({ imports: [locks], controllers: [controller] }),
    { transport: Transport.TCP, options: { host: '127.0.0.1', port }, logger: log, abortOnError: false },
  );
  closeLater(app);
  await app.listen();
  return { app, backend, client: await connect(port) };
}

it.each(POSITIONS)('locks message and event handlers of a microservice, the lock %s', async (position) => {
  const Handlers = handlersAt(position);
  const { app, backend, client } = await microservice(Handlers);
  expect(await send(client, 'message', { id: 'a' })).toEqual({ order: { id: 'a' }, keys: ['a'] });
  expect(await errorOf(send(client, 'message', { id: 'a', fail: true }))).toEqual({
    status: 'error',
    message: 'as it was',
  });
  const letGo = await backend.holdElsewhere('a');
  expect(await errorOf(send(client, 'message', { id: 'a' }))).toEqual(BUSY);
  await letGo();
  client.emit('event', 'first ');
  await until(() => app.get(Handlers).events.length === 1);
  expect(app.get(Handlers).events).toEqual(['first event']);
});

it('refuses a {req} key in a message with an error that tells why', async () => {
  @Controller()
  class Handlers {
    @MessagePattern('m')
    @DistributedLock('{req.id}')
    async m() {}
  }
  const { client, backend } = await microservice(Handlers);
  await errorOf(send(client, 'm', {}));
  expect(log.errors.join()).toContain('this is a "rpc" message');
  expect(backend.asked('')).toHaveLength(0);
});

describe('in a hybrid application', () => {
  async function hybrid(controller: new (...args: never[]) => object) {
    const { backend, locks } = withBackend();
    const port = await freePort();
    const { app, url } = await serve(
      { imports: [locks], controllers: [controller] },
      {
        prepare: async (nest) => {
          nest.connectMicroservice({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
          await nest.startAllMicroservices();
        },
      },
    );
    return { app, url, backend, client: await connect(port) };
  }

  it('locks both, and the filter works on the class that asks for it', async () => {
    @Controller()
    @UseFilters(LockExceptionFilter)
    @UseInterceptors(LockInterceptor)
    class Both {
      @Get()
      @DistributedLock('hybrid', { waitTimeout: 0 })
      async get() {
        return 'got';
      }

      @DistributedLock('hybrid', { waitTimeout: 0 })
      @MessagePattern('m')
      async m() {
        return 'messaged';
      }
    }
    const { url, client, backend } = await hybrid(Both);
    expect(await (await fetch(url)).text()).toBe('got');
    expect(await send(client, 'm', {})).toBe('messaged');
    await backend.holdElsewhere('hybrid');
    expect((await fetch(url)).status).toBe(423);
    expect(await errorOf(send(client, 'm', {}))).toEqual(BUSY);
  });

  it('carries the context to decorated handlers, which no global interceptor reaches', async () => {
    @Controller()
    class Handlers {
      @MessagePattern('m')
      @DistributedLock('{req.id}')
      async m() {}
    }
    const { client } = await hybrid(Handlers);
    await errorOf(send(client, 'm', {}));
    expect(log.errors.join()).toContain('this is a "rpc" message');
  });

  it('locks without the filter too', async () => {
    const Handlers = handlersAt('above');
    const { client, backend } = await hybrid(Handlers);
    expect(await send(client, 'message', { id: 'a' })).toEqual({ order: { id: 'a' }, keys: ['a'] });
    await backend.holdElsewhere('a');
    expect(await errorOf(send(client, 'message', { id: 'a' }))).toEqual({
      status: 'error',
      message: 'Internal server error',
    });
  });
});
