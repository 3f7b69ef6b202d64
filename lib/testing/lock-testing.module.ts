import type { DynamicModule } from '@nestjs/common';
import { Module } from '@nestjs/common';
import type { Clock } from '../core/clock';
import type { LockModuleExtras, LockModuleOptions } from '../nest/lock-module.options';
import { LockModule } from '../nest/lock.module';
import { TestLockBackend } from './test-lock.backend';

/** Options of `LockTestingModule.forRoot()`: those of `LockModule`, with a clock in place of a backend. */
export interface LockTestingModuleOptions extends Omit<LockModuleOptions, 'backend'>, LockModuleExtras {
  /** What time it is for the locks; a `FakeClock` for tests without sleeps. Default: the system's. */
  readonly clock?: Clock;
}

/**
 * `LockModule` for tests: locks are real, their store is a `TestLockBackend` that the test has in its hand. No server,
 * no warning.
 *
 * @example
 * const app = await Test.createTestingModule({ imports: [LockTestingModule.forRoot()], providers: [TicketService] }).compile();
 * await app.get(TestLockBackend).holdElsewhere('event:7');
 * await expect(app.get(TicketService).reserve('7', 2)).rejects.toThrow(LockTimeoutError);
 */
@Module({})
export class LockTestingModule {
  /**
   * Provides what `LockModule.forRoot()` does, and the `TestLockBackend` under its class. Those of several named set-ups
   * are told apart with `app.get(getLockBackendToken(instance))`.
   *
   * @throws LockConfigError when an option cannot work
   */
  static forRoot({ clock, ...options }: LockTestingModuleOptions = {}): DynamicModule {
    const { prefix, isGlobal = true } = options;
    const backend = new TestLockBackend({ ...(clock && { clock }), ...(prefix !== undefined && { prefix }) });
    const locks = LockModule.forRoot({ ...options, backend });
    return {
      module: LockTestingModule,
      global: isGlobal,
      imports: [locks],
      providers: [{ provide: TestLockBackend, useValue: backend }],
      exports: [locks, TestLockBackend],
    };
  }
}
