import { type INestApplication, type NestApplicationOptions, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module';
import type { Settings } from './settings';

/** The app, ready to listen. */
export async function createApp(
  settings: Settings & { readonly inventoryUrl: string },
  options?: NestApplicationOptions,
): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule.forRoot(settings), options);
  app.useGlobalPipes(new ValidationPipe({ whitelist: true }));
  // Without this a SIGTERM ends the process with its locks held, and others wait until they expire.
  app.enableShutdownHooks();
  return app;
}
