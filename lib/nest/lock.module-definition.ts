import { randomUUID } from 'node:crypto';
import type { ConfigurableModuleAsyncOptions, ConfigurableModuleCls, Provider } from '@nestjs/common';
import { Catch, ConfigurableModuleBuilder, Logger } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, HttpAdapterHost } from '@nestjs/core';
import { memoryBackend } from '../backends/memory/memory.backend';
import type { LockBackend } from '../core/backend';
import { LockService } from '../core/lock-service';
import { LockHost } from './lock-host';
import { LockExceptionFilter } from './lock-exception.filter';
import type { LockModuleExtras, LockModuleOptions } from './lock-module.options';
import { serviceOptions } from './lock-module.options';
import { LockInterceptor } from './lock.interceptor';
import { getLockBackendToken, getLockHostToken, getLockServiceToken } from './lock.tokens';

/** Within one set-up: its name and its parts, whatever tokens they have outside. */
export class LockSetup {
  /** Makes two equal set-ups different modules: Nest 10 would merge them without a word. */
  readonly id = randomUUID();

  constructor(
    /** Its name; `undefined` for the default one. */
    readonly instance: string | undefined,
  ) {}
}

/** The set-up's own host and service, whatever its name. */
export const SETUP_HOST = Symbol('nestlock: host of this set-up');
export const SETUP_SERVICE = Symbol('nestlock: service of this set-up');

/** Options of `LockModule.forRootAsync()`. */
export interface LockModuleAsyncOptions
  extends ConfigurableModuleAsyncOptions<LockModuleOptions, 'createLockOptions'>, LockModuleExtras {}

const extras: LockModuleExtras = { isGlobal: true, instance: undefined };

const built = new ConfigurableModuleBuilder<LockModuleOptions>({ moduleName: 'Lock' })
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createLockOptions')
  .setExtras(extras, (definition, { instance, isGlobal }) => {
    const tokens = [getLockHostToken(instance), getLockBackendToken(instance), getLockServiceToken(instance)] as const;
    return {
      ...definition,
      global: isGlobal ?? true,
      providers: [...(definition.providers ?? []), ...setupProviders(instance, tokens)],
      exports: [...tokens],
    };
  })
  .build();

/** What Nest builds for modules with options: the base of `LockModule`. */
// By its name, not inferred: the compiler would write the inferred type in a way that TypeScript before 5.3 cannot read.
export const ConfigurableModuleClass: ConfigurableModuleCls<
  LockModuleOptions,
  'forRoot',
  'createLockOptions',
  LockModuleExtras
> = built.ConfigurableModuleClass;
const { MODULE_OPTIONS_TOKEN } = built;

function setupProviders(
  instance: string | undefined,
  [host, backend, service]: readonly [symbol, string, typeof LockService | string],
): Provider[] {
  return [
    { provide: LockSetup, useValue: new LockSetup(instance) },
    // Factories, not values: one description of a module may be booted as several applications.
    { provide: host, useFactory: () => new LockHost(instance) },
    { provide: backend, useFactory: chooseBackend, inject: [MODULE_OPTIONS_TOKEN] },
    {
      provide: service,
      useFactory: (options: LockModuleOptions, chosen: LockBackend, joined: LockHost) =>
        openService(instance, options, chosen, joined),
      inject: [MODULE_OPTIONS_TOKEN, backend, host],
    },
    { provide: SETUP_HOST, useExisting: host },
    { provide: SETUP_SERVICE, useExisting: service },
    { provide: APP_INTERCEPTOR, useClass: LockInterceptor },
    { provide: APP_FILTER, useFactory: chooseFilter, inject: [MODULE_OPTIONS_TOKEN, HttpAdapterHost] },
  ];
}

function chooseBackend(options: LockModuleOptions): LockBackend {
  serviceOptions(options);
  if (options.backend !== undefined) return options.backend;
  new Logger('LockModule').warn(
    'No backend is configured: locks are kept in memory and exclude this process only. ' +
      'With several instances, pass { backend: redisBackend(…) } or another one.',
  );
  return memoryBackend();
}

async function openService(
  instance: string | undefined,
  options: LockModuleOptions,
  backend: LockBackend,
  host: LockHost,
): Promise<LockService> {
  const logger = new Logger(instance === undefined ? 'LockService' : `LockService:${instance}`);
  const service = new LockService({ ...serviceOptions(options), backend, instance, warn: (text) => logger.warn(text) });
  await service.open();
  host.locks = service;
  return service;
}

/** For applications that answer lock errors themselves: `APP_FILTER` must be something. */
@Catch(class Never {})
class NoFilter {
  catch(): void {}
}

function chooseFilter({ exceptionFilter }: LockModuleOptions, adapterHost: HttpAdapterHost): unknown {
  return exceptionFilter === false ? new NoFilter() : new LockExceptionFilter(adapterHost);
}
