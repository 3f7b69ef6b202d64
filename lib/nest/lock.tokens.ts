import { expected } from '../core/checks';
import { LockService } from '../core/lock-service';

/** Checks the name of a set-up. @throws LockConfigError @internal */
export function checkInstance(instance: unknown): void {
  if (instance !== undefined && (typeof instance !== 'string' || instance === '')) {
    throw expected('instance', 'a non-empty string', instance);
  }
}

/** The token under which a set-up's `LockService` is provided: the class itself for the default one. */
export function getLockServiceToken(instance?: string): typeof LockService | string {
  return instance === undefined ? LockService : `LockService:${instance}`;
}

/** The token under which a set-up's backend is provided. Override it in tests, and nothing connects. */
export function getLockBackendToken(instance?: string): string {
  return instance === undefined ? 'LockBackend' : `LockBackend:${instance}`;
}

/** Metadata of a class's own locked methods: the token of the host that they use. */
export const LOCKED_BY = Symbol('nestlock: locked by');

/**
 * The token of a set-up's `LockHost`, and the property under which Nest hands it to instances with locked methods. When
 * it cannot be resolved Nest shows the description, so that says what to do.
 *
 * @internal
 */
export function getLockHostToken(instance?: string): symbol {
  const call = instance === undefined ? 'LockModule.forRoot()' : `LockModule.forRoot({ instance: '${instance}' })`;
  return Symbol.for(`nestlock: import ${call} in the root module`);
}
