import type { Observable } from 'rxjs';
import type { LockKey } from '../core/key';
import type { RunOptions } from '../core/options';

/** What a call found when its lock was held by another for as long as it was willing to wait. */
export interface BusyInfo {
  /** The keys that were asked for. */
  readonly keys: readonly string[];
  /** How long the call waited, in ms. */
  readonly waited: number;
}

/** Options of `@DistributedLock`. */
export interface DistributedLockOptions extends Omit<RunOptions, 'signal'> {
  /** Name of the set-up to use (`LockModule.forRoot({ instance })`). Default: the default one. */
  instance?: string;
  /**
   * What the method answers when its lock is busy: `'throw'` a `LockTimeoutError`, `'skip'` (resolve with `undefined`,
   * for jobs that another instance is doing; makes `waitTimeout` 0 unless given), or a function that returns the answer.
   * Only for the lock of this very call. Default: `'throw'`.
   */
  onBusy?: 'throw' | 'skip' | ((info: BusyInfo) => unknown);
  /** What the method returns, where the compiler does not tell. Default: what it is declared to, else `'promise'`. */
  returns?: 'promise' | 'observable';
}

/** The key as a function of the method's arguments; `this` is the instance. May return several keys. */
export type KeyFunction<A extends unknown[]> = (this: never, ...args: A) => LockKey;

/**
 * The key of a locked method: a template (`'order:{id}'`), several to be held together, or a function of the method's
 * arguments.
 */
export type LockedKey<A extends unknown[]> = string | readonly string[] | KeyFunction<A>;

/** A method that can be locked: it returns a promise or an Observable. */
export type LockableMethod = (...args: never[]) => PromiseLike<unknown> | Observable<unknown>;

/** What a locked method's caller receives in the end. */
type ResultOf<T extends LockableMethod> =
  ReturnType<T> extends Observable<infer V>
    ? V
    : ReturnType<T> extends PromiseLike<infer V>
      ? V extends Observable<infer W>
        ? W
        : V
      : never;

/** Nobody looks at the result of a `Promise<void>`: there any answer will do, as for callbacks that return `void`. */
type Answerable<Result> = [void, Result] extends [Result, void] ? unknown : Result;

/** What the options can make a busy call answer: of every kind that `onBusy` may be. */
export type BusyAnswer<O> = O extends { onBusy?: infer B }
  ? B extends 'skip'
    ? undefined
    : B extends (info: BusyInfo) => infer V
      ? Awaited<V>
      : never
  : never;

/** Refuses names that are no options: the compiler itself does so only where none of the names is one. */
export type OnlyOptions<O, Others = never> = Record<Exclude<keyof O, keyof DistributedLockOptions | Others>, never>;

/** Shown by the compiler where decorator and method do not fit. */
interface Mismatch<Message extends string> {
  /** What does not fit. */
  readonly nestlock: Message;
}

/** `unknown` if the key function takes what the method does and the busy answer is one that the method could give. */
export type Fits<T extends LockableMethod, A extends unknown[], Busy> = [(...args: A) => unknown] extends [
  (...args: Parameters<T>) => unknown,
]
  ? [Busy] extends [Answerable<ResultOf<T>>]
    ? unknown
    : Mismatch<'onBusy answers something that the method does not return'>
  : Mismatch<'the key function takes other parameters than the method'>;

/** What `@DistributedLock` returns. The descriptor is optional so that it can be passed to `applyDecorators`. */
export type LockDecorator<A extends unknown[], Busy> = <T extends LockableMethod>(
  target: object,
  property: string | symbol,
  descriptor?: TypedPropertyDescriptor<T> & Fits<T, A, Busy>,
) => void;
