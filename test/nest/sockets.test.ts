import { UseFilters } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { DistributedLock, LockExceptionFilter, LockService } from 'nestlock';
import { once } from 'node:events';
import { Observable, of } from 'rxjs';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import type { Position } from './support';
import { POSITIONS, arrange, closeLater, log, serve, withBackend } from './support';

/** Sends an event and resolves to the next one that comes back. */
type Exchange = (event: string, data: unknown) => Promise<{ event: string; data: unknown }>;

async function overWs(url: string): Promise<Exchange> {
  const socket = new WebSocket(url.replace('http', 'ws'));
  closeLater({ close: async () => socket.terminate() });
  await once(socket, 'open');
  return async (event, data) => {
    const answered = once(socket, 'message');
    socket.send(JSON.stringify({ event, data }));
    const [message] = (await answered) as [Buffer];
    return JSON.parse(message.toString()) as { event: string; data: unknown };
  };
}

async function overSocketIo(url: string): Promise<Exchange> {
  const socket = io(url, { transports: ['websocket'], reconnection: false });
  closeLater({ close: async () => socket.disconnect() });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject));
  return (event, data) =>
    new Promise((resolve) => {
      socket.onAny((name: string, answer: unknown) => {
        socket.offAny();
        resolve({ event: name, data: answer });
      });
      socket.emit(event, data);
    });
}

const ADAPTERS = {
  'platform-ws': { Adapter: WsAdapter, connect: overWs },
  'socket.io': { Adapter: IoAdapter, connect: overSocketIo },
};

function gatewayAt(position: Position) {
  const lock = (key: string) => DistributedLock(key, { waitTimeout: 0 });
  const [upper, lower] = arrange(position, lock('seat:{seat}'), SubscribeMessage('reserve'));
  const [streamUpper, streamLower] = arrange(position, lock('stream'), SubscribeMessage('stream'));

  @WebSocketGateway()
  @UseFilters(LockExceptionFilter)
  class Gateway {
    constructor(private readonly locks: LockService) {}

    @upper
    @lower
    async reserve(@MessageBody() seat: string, @ConnectedSocket() client: object) {
      return { event: 'reserved', data: [seat, typeof client, this.locks.current()?.keys] };
    }

    @streamUpper
    @streamLower
    stream(): Observable<unknown> {
      return of({ event: 'streamed', data: this.locks.current()?.keys });
    }
  }
  return Gateway;
}

it('refuses a {req} key with an error that tells why', async () => {
  @WebSocketGateway()
  class Gateway {
    @SubscribeMessage('m')
    @DistributedLock('{req.id}')
    async m() {}
  }
  const { url } = await serve(
    { imports: [withBackend().locks], providers: [Gateway] },
    { prepare: (app) => app.useWebSocketAdapter(new WsAdapter(app)) },
  );
  const exchange = await overWs(url);
  expect((await exchange('m', 0)).event).toBe('exception');
  expect(log.errors.join()).toContain('this is a "ws" message');
});

describe.each(Object.entries(ADAPTERS))('over %s', (_, { Adapter, connect }) => {
  it.each(POSITIONS)('locks gateway handlers, the lock %s', async (position) => {
    const { backend, locks } = withBackend();
    const { url } = await serve(
      { imports: [locks], providers: [gatewayAt(position)] },
      { prepare: (app) => app.useWebSocketAdapter(new Adapter(app)) },
    );
    const exchange = await connect(url);
    expect(await exchange('reserve', 'a1')).toEqual({ event: 'reserved', data: ['a1', 'object', ['seat:a1']] });
    expect(await exchange('stream', 0)).toEqual({ event: 'streamed', data: ['stream'] });
    const letGo = await backend.holdElsewhere('seat:a1');
    const busy = { status: 'error', code: 'LOCK_TIMEOUT', message: 'The resource is busy. Try again later.' };
    expect(await exchange('reserve', 'a1')).toEqual({ event: 'exception', data: busy });
    await letGo();
    expect((await exchange('reserve', 'a1')).event).toBe('reserved');
  });
});
