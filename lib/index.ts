export { memoryBackend } from './backends/memory/memory.backend';
export type { MemoryBackendOptions } from './backends/memory/memory.backend';
export type { Claim, Grant, LockBackend, LockMode, Loss, Outcome, ReleaseAnswer } from './core/backend';
export { provableUntil } from './core/backend';
export type { Clock, Timer } from './core/clock';
export { systemClock } from './core/clock';
export {
  LockConfigError,
  LockConflictError,
  LockError,
  LockKeyError,
  LockLostError,
  LockNotReadyError,
  LockReentryError,
  LockShutdownError,
  LockTimeoutError,
  LockTransactionError,
  LockUnavailableError,
} from './core/errors';
export type { LockErrorCode, LockLostReason } from './core/errors';
export type { LockEvent } from './core/events';
export type { LockKey } from './core/key';
export type { Lock } from './core/lock';
export { LockService } from './core/lock-service';
export type { LockServiceInit } from './core/lock-service';
export type { AcquireOptions, Duration, LockServiceOptions, RunOptions, TryAcquireOptions } from './core/options';
export { DistributedLock } from './nest/distributed-lock.decorator';
export { InjectLockService } from './nest/inject-lock-service.decorator';
export { LockExceptionFilter } from './nest/lock-exception.filter';
export type { LockModuleExtras, LockModuleOptions, LockOptionsFactory } from './nest/lock-module.options';
export type { BusyInfo, DistributedLockOptions, KeyFunction, LockDecorator, LockedKey } from './nest/lock-options';
export { LockInterceptor } from './nest/lock.interceptor';
export { LockModule } from './nest/lock.module';
export type { LockModuleAsyncOptions } from './nest/lock.module-definition';
export { getLockBackendToken, getLockServiceToken } from './nest/lock.tokens';
