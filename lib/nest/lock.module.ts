import type { BeforeApplicationShutdown, DynamicModule, OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { Inject, Module, Optional } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { LockConfigError } from '../core/errors';
import { LockService } from '../core/lock-service';
import { LockHost } from './lock-host';
import type { LockModuleExtras, LockModuleOptions } from './lock-module.options';
import { checkAsyncOptions, checkModuleOptions } from './lock-module.options';
import type { LockModuleAsyncOptions } from './lock.module-definition';
import { ConfigurableModuleClass, LockSetup, SETUP_HOST, SETUP_SERVICE } from './lock.module-definition';
import { attachProvided, warnOfUnlockedOverrides } from './provided-instances';

/**
 * Sets up locks for the application: `LockModule.forRoot({ backend: redisBackend(url) })` in the root module.
 *
 * Provides `LockService`, and lets `@DistributedLock` work in every class that Nest creates. Global unless
 * `isGlobal: false`. Beside the default set-up there may be named ones: `forRoot({ instance: 'ledger', … })`.
 *
 * Call `app.enableShutdownHooks()`: only then does Nest tell the module of a SIGTERM, and locks are given back at once
 * instead of by their ttl.
 */
@Module({})
export class LockModule
  extends ConfigurableModuleClass
  implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly setup: LockSetup;

  /**
   * Sets up locks with these options.
   *
   * @throws LockConfigError when an option cannot work
   */
  static override forRoot(options: LockModuleOptions & LockModuleExtras = {}): DynamicModule {
    checkModuleOptions(options);
    return super.forRoot(options);
  }

  /**
   * The same with options from a factory, which may be asynchronous and have dependencies: `useFactory` with `inject`, or
   * `useClass` or `useExisting` of a `LockOptionsFactory`. `instance` and `isGlobal` stand beside it.
   *
   * @throws LockConfigError when there is none; the boot fails with it when what the factory returns cannot work
   */
  static override forRootAsync(options: LockModuleAsyncOptions): DynamicModule {
    checkAsyncOptions(options);
    return super.forRootAsync(options);
  }

  constructor(
    private readonly modules: ModulesContainer,
    @Optional() setup?: LockSetup,
    @Optional() @Inject(SETUP_HOST) private readonly host?: LockHost,
    @Optional() @Inject(SETUP_SERVICE) private readonly locks?: LockService,
  ) {
    super();
    if (!setup) {
      throw new LockConfigError(
        'LockModule was imported without being set up. Import LockModule.forRoot() once, in the root module; ' +
          'with isGlobal: false import the module of yours that re-exports it.',
      );
    }
    this.setup = setup;
    this.refuseTwin();
  }

  /** What Nest was given ready-made is attached as soon as everything is there. */
  onModuleInit(): void {
    if (!this.host) return;
    attachProvided(this.modules, this.host);
    warnOfUnlockedOverrides(this.modules, this.host);
  }

  /** Nest closes its servers after this hook, so it must not wait for their requests. */
  beforeApplicationShutdown(): void {
    this.locks?.drain();
  }

  /** Waits for running sections, up to `shutdownTimeout`, and closes the backend. */
  async onApplicationShutdown(): Promise<void> {
    try {
      await this.locks?.close();
    } finally {
      if (this.host) this.host.isClosed = true;
    }
  }

  /** Two set-ups of one name: each would exclude its own callers only. */
  private refuseTwin(): void {
    for (const { metatype, providers } of this.modules.values()) {
      const other: unknown = metatype === LockModule ? providers.get(LockSetup)?.instance : undefined;
      if (!(other instanceof LockSetup) || other === this.setup || other.instance !== this.setup.instance) continue;
      const { instance } = this.setup;
      throw new LockConfigError(
        instance === undefined
          ? 'LockModule.forRoot() was imported twice. Import it once, in the root module, or give the second set-up a name: { instance }.'
          : `LockModule.forRoot({ instance: "${instance}" }) was imported twice. Import it once, in the root module.`,
      );
    }
  }
}
