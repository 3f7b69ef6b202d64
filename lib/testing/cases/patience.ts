import assert from 'node:assert/strict';
import type { Clock } from '../../core/clock';
import { systemClock } from '../../core/clock';
import type { LockBackendHarness } from '../backend-harness';

/** @internal How long a case waits for what must happen, in multiples of the ttl. */
export const PATIENCE = 10;

/**
 * @internal
 * Waits for what must happen by letting time pass in small steps, so that the same case runs on a fake clock and, on a
 * slow machine, with a real one.
 */
export class Patience {
  /** A ttl that ends within the case. */
  readonly ttl: number;

  constructor(readonly harness: LockBackendHarness) {
    this.ttl = harness.ttl;
  }

  /** For a call that is looked at later: until then, or if the case fails before, a rejection is not unhandled. */
  later<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined);
    return promise;
  }

  /** Lets time pass until the promise settles, and settles as it does. */
  async settle<T>(promise: Promise<T>, what = 'a call', patience = PATIENCE): Promise<T> {
    let isSettled = false;
    const settled = (): void => void (isSettled = true);
    promise.then(settled, settled);
    await this.until(() => isSettled, `${what} to settle`, patience);
    return promise;
  }

  /** Many callers' work, which takes as long as it takes. */
  async settleAll<T>(promises: readonly Promise<T>[], what: string): Promise<readonly T[]> {
    return this.settle(Promise.all(promises), what, PATIENCE * 20);
  }

  /** Expects a rejection with an error of this class, and returns it. */
  async rejects<E extends Error>(
    promise: Promise<unknown>,
    type: abstract new (...args: never[]) => E,
    what: string,
  ): Promise<E> {
    let error: unknown;
    try {
      const value = await this.settle(promise, what);
      assert.fail(`expected ${what} to reject with ${type.name}, but it resolved with ${String(value)}`);
    } catch (caught) {
      error = caught;
    }
    if (error instanceof type) return error;
    throw error instanceof assert.AssertionError
      ? error
      : new assert.AssertionError({ message: `expected ${what} to reject with ${type.name}, got ${String(error)}` });
  }

  /** Lets time pass until the condition is met. */
  async until(isMet: () => boolean, what: string, patience = PATIENCE): Promise<void> {
    for (let i = 0; i < 10 && !isMet(); i++) await this.pause();
    const step = this.ttl / 50;
    for (let waited = 0; !isMet() && waited < patience * this.ttl; waited += step) await this.harness.advance(step);
    assert.ok(isMet(), `waited ${patience} ttls in vain for ${what}`);
  }

  /** Lets others run, without time. */
  async pause(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** What time it is for this backend. */
  now({ clock = systemClock }: { clock?: Clock | undefined }): number {
    return clock.now();
  }

  /** Waits for all, whatever becomes of them. */
  async quietly(promises: readonly Promise<unknown>[]): Promise<void> {
    await this.settle(Promise.allSettled(promises)).catch(() => undefined);
  }
}
