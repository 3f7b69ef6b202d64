import { NestFactory } from '@nestjs/core';
import { LockModule, LockService } from '../../dist/index.mjs';

/** As an application has it: a service of Nest. */
export async function nestlock(options) {
  const module = LockModule.forRoot({ ...options, waitTimeout: Infinity });
  const app = await NestFactory.createApplicationContext(module, { logger: ['error', 'warn'] });
  const locks = app.get(LockService);
  return { run: (key, section) => locks.run(key, section) };
}
