import type { LockBackend } from '../core/backend';
import { checkBackend, checkNames, expected } from '../core/checks';
import { LockConfigError } from '../core/errors';
import type { LockServiceOptions } from '../core/options';
import { SERVICE_OPTIONS, checkSettings } from '../core/options';
import { checkInstance } from './lock.tokens';

/** Options of `LockModule.forRoot()`, and what the factories of `forRootAsync()` return. */
export interface LockModuleOptions extends Omit<LockServiceOptions, 'busyStatus'> {
  /**
   * The store that the locks are in. Default: `memoryBackend()`, with a warning that it excludes this process only. Only
   * leaving it out means that; a present `undefined` (an unset variable) is refused.
   */
  backend?: LockBackend;
  /**
   * Whether `LockExceptionFilter` is registered for the application, and the HTTP status of `LockTimeoutError`. Default:
   * `true`, 423. `false` for an `APP_FILTER` of your own that answers lock errors: Nest asks those of imported modules
   * first. Filters of `@UseFilters` and `app.useGlobalFilters()` come before it anyway.
   */
  exceptionFilter?: boolean | { busyStatus?: number };
}

/** What `useClass` and `useExisting` of `forRootAsync()` name. */
export interface LockOptionsFactory {
  /** The options; called once, at boot. */
  createLockOptions(): Promise<LockModuleOptions> | LockModuleOptions;
}

/** What a module is set up with beside its options: known before these are. */
export interface LockModuleExtras {
  /** Name of a second, independent set-up beside the default one. Default: the default one. */
  instance?: string | undefined;
  /** Whether every module sees it. With `false`, put the set-up into one module of yours and export it. Default: `true`. */
  isGlobal?: boolean;
}

const MODULE_OPTIONS = [...SERVICE_OPTIONS.filter((name) => name !== 'busyStatus'), 'backend', 'exceptionFilter'];

/** The service's part of the module's options. @throws LockConfigError */
export function serviceOptions(options: LockModuleOptions): LockServiceOptions {
  checkNames('LockModule', options, MODULE_OPTIONS);
  if ('backend' in options && options.backend === undefined) {
    throw new LockConfigError(
      'Expected "backend" to be a LockBackend, got undefined. Is an environment variable unset? ' +
        'To lock within this process only, leave the option out.',
    );
  }
  const { backend: _, exceptionFilter = true, ...service } = options;
  if (typeof exceptionFilter === 'boolean') return checked(service);
  if (typeof exceptionFilter !== 'object' || exceptionFilter === null) {
    throw expected('exceptionFilter', 'true, false or { busyStatus }', exceptionFilter);
  }
  checkNames('exceptionFilter', exceptionFilter, ['busyStatus']);
  return checked({ ...service, ...exceptionFilter });
}

/** Refuses a bad value where it was written, not only when the service is built. */
function checked(options: LockServiceOptions): LockServiceOptions {
  checkSettings(options);
  return options;
}

/** Checks what `forRoot()` was given. @throws LockConfigError */
export function checkModuleOptions(all: LockModuleOptions & LockModuleExtras): void {
  checkNames('LockModule.forRoot()', all, [...MODULE_OPTIONS, ...EXTRAS]);
  const { instance, isGlobal, ...options } = all;
  checkExtras({ instance, isGlobal });
  serviceOptions(options);
  const backend: unknown = options.backend;
  if (backend !== undefined && !(backend instanceof Promise)) checkBackend(backend); // Nest awaits a promise
}

/** Checks what `forRootAsync()` was given. @throws LockConfigError */
export function checkAsyncOptions(
  all: LockModuleExtras & { useFactory?: unknown; useClass?: unknown; useExisting?: unknown },
) {
  checkNames('LockModule.forRootAsync()', all, [...ASYNC_OPTIONS, ...EXTRAS]);
  checkExtras(all);
  const factories = ['useFactory', 'useClass', 'useExisting'] as const;
  if (factories.filter((name) => all[name] !== undefined).length !== 1) {
    throw new LockConfigError(`Expected LockModule.forRootAsync() to get exactly one of ${factories.join(', ')}.`);
  }
}

const EXTRAS = ['instance', 'isGlobal'];
const ASYNC_OPTIONS = ['imports', 'inject', 'useFactory', 'useClass', 'useExisting', 'provideInjectionTokensFrom'];

function checkExtras({ instance, isGlobal }: LockModuleExtras): void {
  checkInstance(instance);
  if (isGlobal !== undefined && typeof isGlobal !== 'boolean') throw expected('isGlobal', 'true or false', isGlobal);
}
