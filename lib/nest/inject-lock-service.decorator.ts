import { Inject } from '@nestjs/common';
import { getLockServiceToken } from './lock.tokens';

/**
 * Injects the `LockService` of a set-up. For the default one the type alone is enough.
 *
 * @param instance - as in `LockModule.forRoot({ instance })`
 * @example
 * constructor(@InjectLockService('ledger') private readonly locks: LockService) {}
 */
export function InjectLockService(instance?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getLockServiceToken(instance));
}
