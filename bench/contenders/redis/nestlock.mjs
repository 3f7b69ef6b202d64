import { NestFactory } from '@nestjs/core';
import { redisBackend } from '../../dist/backends/redis/index.mjs';
import { LockModule, LockService } from '../../dist/index.mjs';

/** As an application has it: a service of Nest, on the client that it is given. */
export async function create(redis, { ttl }) {
  const module = LockModule.forRoot({ backend: redisBackend(redis), ttl, waitTimeout: Infinity });
  const app = await NestFactory.createApplicationContext(module, { logger: ['error', 'warn'] });
  const locks = app.get(LockService);
  return { run: (key, section) => locks.run(key, section) };
}
