import 'reflect-metadata';
import { types } from 'node:util';
import { UseInterceptors } from '@nestjs/common';
import { Observable } from 'rxjs';
import { LockConfigError } from '../core/errors';
import { checkNames, expected } from '../core/checks';
import { CALL_OPTIONS, checkSettings, checkTerms } from '../core/options';
import type { RunOptions } from '../core/options';
import { show } from '../core/show';
import { LockInterceptor } from './lock.interceptor';
import { LOCKED_BY, checkInstance, getLockHostToken } from './lock.tokens';
import { requireHost } from './lock-host';
import type { BusyAnswer, DistributedLockOptions, LockDecorator, LockedKey, OnlyOptions } from './lock-options';
import type { LockedMethod } from './locked-method';
import { lockMethod } from './locked-method';
import type { AnyMethod } from './method-key';
import { compileKey } from './method-key';

/** Option names of the decorator, in its object form with `key`. */
const OPTIONS = [...CALL_OPTIONS.run.filter((name) => name !== 'signal'), 'instance', 'onBusy', 'returns'];

/** Results that can be neither a promise nor an Observable. */
const PRIMITIVES: readonly unknown[] = [String, Number, Boolean, Symbol, BigInt, Array];

/**
 * Runs the method under a lock: it starts when the lock is got, and the lock is given back when it has settled (or, if
 * it returns an Observable, when that has completed, failed or been unsubscribed from). Never runs without the lock.
 *
 * For every method of every class that Nest creates. May stand above or below `@Get`, `@Cron`, `@OnEvent` and the like;
 * above decorators that wrap the method as well (`@Transactional`), to hold the lock until they are done.
 *
 * @param key - `'order:{id}'` by parameter name, `'order:{order.customer.id}'`, `'order:{0.id}'` by position,
 * `'cart:{req.user.id}'` from the current request; several of them; or a function of the method's arguments
 * @throws LockKeyError, LockConfigError when the class is defined and key or options cannot work. The method then rejects
 * with LockKeyError when a part of the key has no usable value, LockNotReadyError without a module, and as
 * `LockService.run` does
 * @example
 * \@DistributedLock('event:{eventId}', { waitTimeout: '5s' })
 * async reserve(eventId: string, seats: number) {}
 * @example
 * \@Cron('0 3 * * *')
 * \@DistributedLock({ key: 'nightly-report', onBusy: 'skip', minHold: '1m' })
 * async report() {}
 */
export function DistributedLock<A extends unknown[]>(key: LockedKey<A>): LockDecorator<A, never>;
// Apart from the one above: without an argument to infer it from, O would be options whose onBusy may answer anything.
/**
 * Runs the method under a lock, with options: how long to wait, what to do when the lock is busy, which set-up to use.
 *
 * @param key - as without options
 * @throws as without options
 * @example
 * \@DistributedLock('event:{eventId}', { waitTimeout: '5s', onBusy: () => 'sold out' })
 * async reserve(eventId: string) {}
 */
export function DistributedLock<A extends unknown[], const O extends DistributedLockOptions>(
  key: LockedKey<A>,
  options: (O & OnlyOptions<O>) | undefined,
): LockDecorator<A, BusyAnswer<O>>;
/**
 * Runs the method under a lock: key and options in one object.
 *
 * @throws as with a key alone
 * @example
 * \@DistributedLock({ key: 'nightly-report', onBusy: 'skip', minHold: '1m' })
 * async report() {}
 */
export function DistributedLock<A extends unknown[], const O extends DistributedLockOptions>(
  options: O & OnlyOptions<O, 'key'> & { key: LockedKey<A> },
): LockDecorator<A, BusyAnswer<O>>;
export function DistributedLock(
  keyOrOptions: unknown,
  optionsBesideKey?: DistributedLockOptions,
): LockDecorator<never[], never> {
  const isObjectForm = typeof keyOrOptions === 'object' && keyOrOptions !== null && !Array.isArray(keyOrOptions);
  if (isObjectForm && optionsBesideKey !== undefined) {
    throw new LockConfigError(
      'Expected @DistributedLock to get either a key and options or one object with both, got both.',
    );
  }
  const given = isObjectForm ? keyOrOptions : { ...checkObject(optionsBesideKey), key: keyOrOptions };
  checkNames('@DistributedLock', given, ['key', ...OPTIONS]);
  const { key, ...options } = given as DistributedLockOptions & { key?: unknown };
  const checked = checkOptions(options);

  return (target: object, property: string | symbol, descriptor?: PropertyDescriptor): void => {
    const own = descriptor ?? Object.getOwnPropertyDescriptor(target, property);
    const where = `${className(target)}.${String(property)}`;
    const method = methodOf(target, property, own, where);
    const locked: LockedMethod = {
      ...checked,
      where,
      keyOf: compileKey(key, method, where),
      returns: options.returns ?? declaredReturn(target, property, where),
    };
    own!.value = lockMethod(method, locked);
    if (!descriptor) Object.defineProperty(target, property, own!);
    requireHost(target, options.instance);
    Reflect.defineMetadata(LOCKED_BY, getLockHostToken(options.instance), target, property);
    UseInterceptors(LockInterceptor)(target, property, own!);
  };
}

function checkObject(options: unknown): object {
  if (options === undefined) return {};
  checkNames('@DistributedLock', options, OPTIONS);
  return options as object;
}

/** @throws LockConfigError now rather than at the first call */
function checkOptions({ instance, onBusy = 'throw', returns, ...run }: DistributedLockOptions) {
  checkInstance(instance);
  if (onBusy !== 'throw' && onBusy !== 'skip' && typeof onBusy !== 'function') {
    throw expected('onBusy', '"throw", "skip" or a function', onBusy);
  }
  if (returns !== undefined && returns !== 'promise' && returns !== 'observable') {
    throw expected('returns', '"promise" or "observable"', returns);
  }
  checkTerms('run', run, checkSettings({}));
  const options: RunOptions = onBusy === 'skip' ? { waitTimeout: 0, ...run } : run;
  return { instance, onBusy, options };
}

/** @throws LockConfigError for whatever is no method of instances */
function methodOf(
  target: unknown,
  property: unknown,
  descriptor: PropertyDescriptor | undefined,
  where: string,
): AnyMethod {
  if (typeof property === 'object') {
    throw new LockConfigError(
      '@DistributedLock is a decorator of TypeScript\'s "experimentalDecorators", which Nest needs.',
    );
  }
  if (typeof target === 'function')
    throw new LockConfigError(`${where} is static; @DistributedLock is for instance methods.`);
  if (descriptor?.get || descriptor?.set) {
    throw new LockConfigError(`${where} is an accessor; @DistributedLock is for methods.`);
  }
  if (typeof descriptor?.value !== 'function') {
    throw new LockConfigError(
      `${where} is ${descriptor ? show(descriptor.value) : 'a property'}; @DistributedLock is for methods.`,
    );
  }
  if (types.isGeneratorFunction(descriptor.value)) {
    throw new LockConfigError(
      `${where} is a generator, of which no step would run under the lock. Return a promise or an Observable.`,
    );
  }
  return descriptor.value as AnyMethod;
}

/** @throws LockConfigError when the method is declared to return what nobody can wait for */
function declaredReturn(target: object, property: string | symbol, where: string): 'promise' | 'observable' {
  const type: unknown = Reflect.getMetadata('design:returntype', target, property);
  if (PRIMITIVES.includes(type)) {
    throw new LockConfigError(`${where} must return a promise or an Observable to be locked. Make it async.`);
  }
  if (typeof type !== 'function') return 'promise';
  return type === Observable || type.prototype instanceof Observable ? 'observable' : 'promise';
}

function className(target: unknown): string {
  if (typeof target === 'function') return target.name;
  return (target as { constructor?: { name?: string } } | null)?.constructor?.name ?? 'a class';
}
