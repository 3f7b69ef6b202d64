import { type INestApplication, type NestApplicationOptions, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module';
import type { Settings } from './settings';

/** The app, ready to listen. */
export async function createApp(
  settings: Settings & { readonly inventoryUrl: string },
  options?: NestApplicationOptions,
): Promise<INestApplication> {
  return configure(await NestFactory.create(AppModule.forRoot(settings), options));
}

/** What tests need as well, which create the app in their own way. */
export function configure(app: INestApplication): INestApplication {
  app.useGlobalPipes(new ValidationPipe({ whitelist: true }));
  // Without this a SIGTERM ends the process with its locks held, and others wait until they expire.
  return app.enableShutdownHooks();
}
