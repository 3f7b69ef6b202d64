import type { INestApplication, LoggerService, ModuleMetadata, Type } from '@nestjs/common';
import { Module, applyDecorators } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Claim, Grant, LockBackend, LockEvent, LockModuleExtras, LockModuleOptions } from 'nestlock';
import { LockModule, memoryBackend } from 'nestlock';
import { TestLockBackend } from 'nestlock/testing';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What Nest's Logger was told, by everything that runs in the test file. */
class Log implements LoggerService {
  warnings: string[] = [];
  errors: string[] = [];
  log(): void {}
  warn(message: unknown): void {
    this.warnings.push(String(message));
  }
  error(message: unknown): void {
    this.errors.push(String(message));
  }
}

export const log = new Log();

const apps: INestApplication[] = [];

beforeEach(() => {
  log.warnings = [];
  log.errors = [];
});

afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

/** Closes the application after the test, if the test has not done it. */
export function closeLater<T extends { close(): Promise<unknown> }>(app: T): T {
  apps.push(app as unknown as INestApplication);
  return app;
}

export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];

export interface BootOptions {
  platform?: Platform;
  /** Before the application is initialised. */
  prepare?: (app: INestApplication) => unknown;
}

/** A module class with this metadata. */
export function moduleOf(metadata: ModuleMetadata): Type {
  @Module(metadata)
  class AppModule {}
  return AppModule;
}

/** Boots an application that does not listen. */
export async function boot(module: ModuleMetadata | Type, { prepare }: BootOptions = {}): Promise<INestApplication> {
  const app = await create(module);
  await prepare?.(app);
  return app.init();
}

/** Boots an application on a free port. */
export async function serve(
  module: ModuleMetadata | Type,
  { platform = 'express', prepare }: BootOptions = {},
): Promise<{ app: INestApplication; url: string }> {
  const app = await create(module, platform);
  await prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return { app, url: `http://127.0.0.1:${port}` };
}

async function create(module: ModuleMetadata | Type, platform: Platform = 'express'): Promise<INestApplication> {
  const adapter: AbstractHttpAdapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const type = typeof module === 'function' ? module : moduleOf(module);
  return closeLater(
    await NestFactory.create(type, adapter, { logger: log, abortOnError: false, forceCloseConnections: false }),
  );
}

/** A `LockModule` over a backend that the test has in its hand. */
export function withBackend(options: Omit<LockModuleOptions, 'backend'> & LockModuleExtras = {}) {
  const backend = new TestLockBackend();
  return { backend, locks: LockModule.forRoot({ backend, ...options }) };
}

/** A memory backend that counts. */
export class SpyBackend implements LockBackend {
  readonly name = 'spy';
  opened = 0;
  closed = 0;
  readonly claims: Claim[] = [];
  readonly #inner = memoryBackend();

  constructor(private readonly onOpen: () => Promise<void | string> = async () => undefined) {}

  acquire(claim: Claim): Promise<Grant | null> {
    this.claims.push(claim);
    return this.#inner.acquire(claim);
  }

  renew(grants: readonly Grant[]) {
    return this.#inner.renew(grants);
  }

  open(): Promise<void | string> {
    this.opened++;
    return this.onOpen();
  }

  async close(): Promise<void> {
    this.closed++;
  }
}

/** Polls until the condition holds; the bound is for a test that fails. */
export async function until(condition: () => unknown, what = condition.toString()): Promise<void> {
  for (const end = Date.now() + 10_000; !(await condition());) {
    if (Date.now() > end) throw new Error(`Waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Lets everything that only waits for promises come to rest. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

export interface Gate {
  readonly passed: Promise<void>;
  open(): void;
}

/** What bodies wait at until the test lets them go on. */
export function gate(): Gate {
  let open!: () => void;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}

/** What the promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<any> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('Expected a rejection');
}

/** What the function throws. */
export function thrownBy(act: () => unknown): any {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('Expected it to throw');
}

export const POSITIONS = ['above', 'below', 'first in applyDecorators', 'last in applyDecorators'] as const;
type AnyDecorator = Parameters<typeof applyDecorators>[number];
export type Position = (typeof POSITIONS)[number];

/** The lock and the others as the two decorators, upper and lower, that a method gets. */
export function arrange(
  position: Position,
  lock: AnyDecorator,
  ...others: AnyDecorator[]
): [MethodDecorator, MethodDecorator] {
  const nothing: MethodDecorator = () => undefined;
  const other = applyDecorators(...others) as MethodDecorator;
  switch (position) {
    case 'above':
      return [lock as MethodDecorator, other];
    case 'below':
      return [other, lock as MethodDecorator];
    case 'first in applyDecorators':
      return [applyDecorators(lock, ...others), nothing];
    case 'last in applyDecorators':
      return [nothing, applyDecorators(...others, lock)];
  }
}

/** Resolves when somebody next has to wait for the key, which is given with its prefix. */
export function contended(key: string): Promise<void> {
  return new Promise((resolve) => {
    const listener = (event: unknown): void => {
      if ((event as LockEvent).key !== key) return;
      unsubscribe('nestlock:contended', listener);
      resolve();
    };
    subscribe('nestlock:contended', listener);
  });
}

/** A GET over a connection of its own, which can be cut. */
export function get(url: string): {
  started: Promise<unknown>;
  answer: Promise<{ status: number; text: string; headers: IncomingHttpHeaders }>;
  cut(): void;
} {
  const asked = request(url, { agent: false });
  const answer = once(asked, 'response').then(async (args) => {
    const response = args[0] as IncomingMessage;
    const text = Buffer.concat(await response.toArray()).toString();
    return { status: response.statusCode!, text, headers: response.headers };
  });
  const started = once(asked, 'response');
  for (const promise of [started, answer]) promise.catch(() => undefined);
  asked.end();
  return { started, answer, cut: () => asked.destroy() };
}
