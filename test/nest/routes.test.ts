import type { MessageEvent } from '@nestjs/common';
import {
  BadRequestException,
  Body,
  Controller,
  Get,
  Header,
  HttpCode,
  NotFoundException,
  Param,
  ParseIntPipe,
  Post,
  Query,
  Sse,
  UseGuards,
  ValidationPipe,
} from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags, DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { IsInt, Min } from 'class-validator';
import { DistributedLock, LockService } from 'nestlock';
import { Observable, of } from 'rxjs';
import type { Position } from './support';
import { PLATFORMS, POSITIONS, arrange, serve, withBackend } from './support';

class Order {
  @ApiProperty()
  @IsInt()
  @Min(1)
  seats!: number;
}

/** A controller whose methods have their lock in this place; without a place, no lock at all. */
function controllerAt(path: string, position?: Position) {
  const decorate = (key: string, ...others: MethodDecorator[]) =>
    position
      ? arrange(position, DistributedLock(key, { waitTimeout: 0 }), ...others)
      : arrange('above', none, ...others);
  const [getUpper, getLower] = decorate('get:{id}', Get('get/:id'), Header('X-Kept', 'yes'));
  const [postUpper, postLower] = decorate('post:{id}', Post('post/:id'), HttpCode(202));
  const [sseUpper, sseLower] = decorate('sse:{id}', Sse('sse/:id'));
  const [docUpper, docLower] = decorate(
    'doc:{id}',
    Post('doc/:id'),
    ApiOperation({ summary: 'documented', operationId: 'doc' }),
    ApiOkResponse({ type: Order, description: 'the order' }),
    ApiTags('orders'),
  );

  @Controller(path)
  class Routes {
    constructor(private readonly locks: LockService) {}

    @getUpper
    @getLower
    async get(@Param('id') id: string, @Query('fail') fail?: string) {
      if (fail) throw new NotFoundException('no such order');
      return { id, keys: this.locks.current()?.keys };
    }

    @postUpper
    @postLower
    async post(@Param('id', ParseIntPipe) id: number, @Body() order: Order) {
      return { id, isOrder: order instanceof Order, keys: this.locks.current()?.keys };
    }

    @sseUpper
    @sseLower
    sse(@Param('id') id: string): Observable<MessageEvent> {
      return of({ data: { id, keys: this.locks.current()?.keys } }, { data: 'last' });
    }

    @docUpper
    @docLower
    async doc(@Param('id', ParseIntPipe) id: number, @Body() order: Order): Promise<Order> {
      void id;
      return order;
    }
  }
  return Routes;
}

const none: MethodDecorator = () => undefined;

const paths = Object.fromEntries(POSITIONS.map((position) => [position, position.replaceAll(' ', '-')]));

async function bootRoutes(platform: (typeof PLATFORMS)[number]) {
  const { backend, locks } = withBackend();
  const controllers = POSITIONS.map((position) => controllerAt(paths[position]!, position));
  const booted = await serve(
    { imports: [locks], controllers: [...controllers, controllerAt('unlocked')] },
    { platform, prepare: (app) => app.useGlobalPipes(new ValidationPipe({ transform: true })) },
  );
  return { backend, ...booted };
}

const postJson = (body: unknown) => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});

describe.each(PLATFORMS)('on %s', (platform) => {
  it.each(POSITIONS)('@Get stays a route and is locked: %s', async (position) => {
    const { backend, url } = await bootRoutes(platform);
    const route = `${url}/${paths[position]}/get/7`;
    const letGo = await backend.holdElsewhere('get:7');
    expect((await fetch(route)).status).toBe(423);
    await letGo();
    const answer = await fetch(route);
    expect(await answer.json()).toEqual({ id: '7', keys: ['get:7'] });
    expect(answer.headers.get('X-Kept')).toBe('yes');
    expect((await fetch(`${route}?fail=1`)).status).toBe(404);
    expect(backend.asked('get:7')).toHaveLength(3);
  });

  it.each(POSITIONS)('@Post keeps its pipes, which come before the lock: %s', async (position) => {
    const { backend, url } = await bootRoutes(platform);
    const route = `${url}/${paths[position]}/post`;
    expect((await fetch(`${route}/7`, postJson({ seats: 0 }))).status).toBe(400);
    expect((await fetch(`${route}/seven`, postJson({ seats: 1 }))).status).toBe(400);
    expect(backend.asked('post:7')).toHaveLength(0);
    const letGo = await backend.holdElsewhere('post:7');
    expect((await fetch(`${route}/7`, postJson({ seats: 1 }))).status).toBe(423);
    await letGo();
    const answer = await fetch(`${route}/7`, postJson({ seats: 1 }));
    expect(answer.status).toBe(202);
    expect(await answer.json()).toEqual({ id: 7, isOrder: true, keys: ['post:7'] });
  });

  it.each(POSITIONS)('@Sse stays a stream and is locked: %s', async (position) => {
    const { backend, url } = await bootRoutes(platform);
    const answer = await fetch(`${url}/${paths[position]}/sse/7`);
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    const events = await answer.text();
    expect(events).toContain('data: {"id":"7","keys":["sse:7"]}');
    expect(events).toContain('data: last');
    expect(backend.acquired('sse:7')).toHaveLength(1);
    const letGo = await backend.holdElsewhere('sse:7');
    expect(await (await fetch(`${url}/${paths[position]}/sse/7`)).text()).not.toContain('"id":"7"');
    await letGo();
  });

  it('describes locked routes as it does unlocked ones', async () => {
    const { app } = await bootRoutes(platform);
    const document = SwaggerModule.createDocument(app, new DocumentBuilder().build());
    const described = (path: string) => {
      const text = JSON.stringify(document.paths[`/${path}/doc/{id}`]);
      return JSON.parse(text) as { post: { summary: string; tags: string[]; parameters: unknown[] } };
    };
    const expected = described('unlocked');
    expect(expected.post).toMatchObject({ summary: 'documented', tags: ['Routes', 'orders'] });
    for (const position of POSITIONS) expect(described(paths[position]!)).toEqual(expected);
  });
});

it('asks no backend for requests that a guard refuses', async () => {
  class Closed {
    canActivate(): boolean {
      throw new BadRequestException();
    }
  }
  @Controller()
  class Guarded {
    @Get()
    @UseGuards(Closed)
    @DistributedLock('guarded')
    async get() {}
  }
  const { backend, locks } = withBackend();
  const { url } = await serve({ imports: [locks], controllers: [Guarded] });
  expect((await fetch(url)).status).toBe(400);
  expect(backend.asked('guarded')).toHaveLength(0);
});
