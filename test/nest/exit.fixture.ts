// Run by exit.test.ts in a process of its own: an application that works, closes, and does not end the process.
import { Controller, Get, Injectable, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { of } from 'rxjs';
import { DistributedLock, LockModule, LockService, memoryBackend } from '../../lib/index';

const KEYS = 10_000;

@Injectable()
class Service {
  @DistributedLock('key:{id}', { minHold: 0, ttl: '1h' })
  async work(id: string) {
    return id;
  }

  @DistributedLock('{0}', { returns: 'promise' })
  async held(_id: string, until: Promise<void>) {
    await until;
  }
}

@Injectable()
class Streams {
  @DistributedLock('stream', { ttl: '1h' })
  async stream() {
    return of(1);
  }
}

@Controller()
class Routes {
  constructor(private readonly service: Service) {}

  @Get(':id')
  @DistributedLock('route:{req.params.id}')
  async get(@Param('id') id: string) {
    return this.service.work(id);
  }
}

@Module({
  imports: [LockModule.forRoot({ backend: memoryBackend(), shutdownTimeout: 50 })],
  controllers: [Routes],
  providers: [Service, Streams],
})
class AppModule {}

function get(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { agent: false }, (response) => response.resume().on('end', () => resolve(response.statusCode!)))
      .on('error', reject)
      .end();
  });
}

async function heapAfter(work: () => Promise<unknown>): Promise<number> {
  await work();
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc!();
  }
  return process.memoryUsage().heapUsed;
}

async function main() {
  const app = await NestFactory.create(AppModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  const status = await get(`${url}/7`);

  const service = app.get(Service);
  const round = async (name: string) => {
    for (let i = 0; i < KEYS; i += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, n) => service.work(`${name}:${i + n}`)));
    }
  };
  const before = await heapAfter(() => round('first'));
  const after = await heapAfter(() => round('second'));

  // Somebody holds, somebody waits, and somebody has given up: all with timers in the background.
  let finish!: () => void;
  const held = service.held('k', new Promise((resolve) => (finish = resolve)));
  const waiting = app.get(LockService).run('k', () => 'got', { waitTimeout: '5m' });
  await app
    .get(LockService)
    .run('k', () => 'got', { waitTimeout: 1 })
    .catch(() => undefined);
  finish();
  await held;
  await waiting;
  await app.get(LockService).run('k', () => undefined, { minHold: '5m' });
  await app.get(Streams).stream(); // nobody subscribes
  await app.close();
  console.log(JSON.stringify({ status, bytesPerKey: (after - before) / KEYS }));
}

void main();
