// Never run: types.test.ts has the compiler check that exactly the lines below an @ts-expect-error are errors.
import { applyDecorators } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import type { DistributedLockOptions, Lock, LockService } from 'nestlock';
import { DistributedLock } from 'nestlock';
import type { Observable } from 'rxjs';

interface Order {
  id: string;
}

const Nightly = applyDecorators(Cron('0 3 * * *'), DistributedLock('nightly', { onBusy: 'skip' }));
const Reversed = applyDecorators(DistributedLock({ key: 'nightly' }), Cron('0 3 * * *'));

declare const inProduction: boolean;
const shared: DistributedLockOptions = { onBusy: 'skip' };
const inferred = { ttl: '5s', waitTimeout: 0 };

export class Accepted {
  tenant = 't';

  @DistributedLock('k')
  async nothing() {}

  @DistributedLock('{id}', {
    ttl: '5s',
    waitTimeout: 0,
    minHold: 1,
    maxHold: '1m',
    mode: 'shared',
    permits: 2,
    label: 'x',
  })
  async all(id: string) {
    return id;
  }

  @DistributedLock({ key: ['a:{id}', 'b:{id}'], reentrant: true, instance: 'ledger' })
  async objectForm(id: string) {
    return id;
  }

  @DistributedLock((order: Order) => order.id)
  async keyFunction(order: Order) {
    return order;
  }

  @DistributedLock((from: string, to: string) => [from, to])
  async severalKeys(from: string, to: string, amount: number) {
    return from + to + amount;
  }

  @DistributedLock((order) => (order as Order).id)
  async untypedKeyFunction(order: Order) {
    return order;
  }

  @DistributedLock((order: { id: string }) => order.id)
  async widerKeyFunction(order: Order & { extra: number }) {
    return order;
  }

  @DistributedLock(function (this: Accepted, id: string) {
    return this.tenant + id;
  })
  async keyFunctionWithThis(id: string) {
    return id;
  }

  @DistributedLock((...ids: string[]) => ids)
  async rest(...ids: string[]) {
    return ids;
  }

  @DistributedLock('k', { onBusy: 'throw' })
  async throwing() {
    return 1;
  }

  @DistributedLock('k', { onBusy: 'skip' })
  async skippingVoid(): Promise<void> {}

  @DistributedLock('k', { onBusy: 'skip' })
  async skippingMaybe(): Promise<string | undefined> {
    return 'x';
  }

  @DistributedLock({ key: 'k', onBusy: 'skip' })
  skippingStream(): Observable<number | undefined> {
    return null as never;
  }

  @DistributedLock('k', { onBusy: ({ keys, waited }) => `${keys.join()} ${waited}` })
  async answering(): Promise<string> {
    return 'x';
  }

  @DistributedLock('k', { onBusy: async () => 'literal' })
  async answeringLater(): Promise<string | number> {
    return 'x';
  }

  @DistributedLock('k', { onBusy: () => null })
  async answeringNull(): Promise<Order | null> {
    return null;
  }

  @DistributedLock('k', { onBusy: () => 1 })
  stream(): Observable<number> {
    return null as never;
  }

  @DistributedLock('k', { onBusy: () => ({ id: 'none' }) })
  async promisedStream(): Promise<Observable<Order>> {
    return null as never;
  }

  @DistributedLock('k', { onBusy: inProduction ? 'skip' : 'throw' })
  async sometimesSkipping(): Promise<string | undefined> {
    return 'x';
  }

  @DistributedLock('k', { onBusy: inProduction ? ({ waited }) => waited : 'skip' })
  async answeringOrSkipping(): Promise<number | undefined> {
    return 1;
  }

  @DistributedLock('k', { onBusy: inProduction ? 'throw' : undefined })
  async throwingAnyway(): Promise<string> {
    return 'x';
  }

  @DistributedLock('k', { onBusy: ({ keys }) => keys.length })
  async nobodyLooks(): Promise<void> {}

  @DistributedLock('k', shared)
  async sharedOptions(): Promise<void> {}

  @DistributedLock({ key: 'k', ...shared })
  async sharedOptionsInObject(): Promise<unknown> {
    return 'x';
  }

  @DistributedLock({ key: 'k', ...shared, onBusy: 'throw' })
  async sharedOptionsButOne(): Promise<string> {
    return 'x';
  }

  @DistributedLock('k', inferred)
  async inferredOptions(): Promise<string> {
    return 'x';
  }

  @DistributedLock({ key: (id: string) => id, ...inferred })
  async inferredOptionsInObject(id: string): Promise<string> {
    return id;
  }

  @DistributedLock('k', { returns: 'observable' })
  inferredStream() {
    return null as never as Observable<string>;
  }

  @DistributedLock('k')
  anything(): Promise<any> {
    return null as never;
  }

  @DistributedLock('{value}')
  async generic<T>(value: T): Promise<T> {
    return value;
  }

  @DistributedLock('k')
  thenable(): PromiseLike<number> {
    return null as never;
  }

  @DistributedLock('k')
  async [Symbol.asyncDispose]() {}

  @DistributedLock('k')
  protected async hidden() {}

  @Nightly
  async nightly() {}

  @Reversed
  async reversed() {}
}

export abstract class AcceptedBase {
  @DistributedLock('{id}')
  protected async template(id: string): Promise<string> {
    return id;
  }
}

export class Refused {
  // @ts-expect-error a synchronous method
  @DistributedLock('k')
  synchronous() {
    return 1;
  }

  // @ts-expect-error a synchronous method without result
  @DistributedLock('k')
  nothing(): void {}

  // @ts-expect-error a method that may be synchronous
  @DistributedLock('k')
  sometimes(): number | Promise<number> {
    return 1;
  }

  // @ts-expect-error a generator
  @DistributedLock('k')
  async *generator() {
    yield 1;
  }

  // @ts-expect-error a key function of another type
  @DistributedLock((id: number) => String(id))
  async wrongType(id: string) {
    return id;
  }

  // @ts-expect-error a key function of more parameters
  @DistributedLock((a: string, b: string) => a + b)
  async tooMany(a: string) {
    return a;
  }

  // @ts-expect-error a key function that does not know that the parameter may be left out
  @DistributedLock((id: string) => id)
  async optional(id?: string) {
    return id;
  }

  // @ts-expect-error a key function that returns no key
  @DistributedLock((id: string) => id.length)
  async noKey(id: string) {
    return id;
  }

  // @ts-expect-error a key function that returns a promise
  @DistributedLock(async (id: string) => id)
  async promisedKey(id: string) {
    return id;
  }

  // @ts-expect-error in the object form, too
  @DistributedLock({ key: (id: number) => String(id) })
  async wrongInObject(id: string) {
    return id;
  }

  // @ts-expect-error 'skip' where undefined is no result
  @DistributedLock('k', { onBusy: 'skip' })
  async skipping(): Promise<string> {
    return 'x';
  }

  // @ts-expect-error 'skip' in the object form
  @DistributedLock({ key: 'k', onBusy: 'skip' })
  async skippingObject(): Promise<number> {
    return 1;
  }

  // @ts-expect-error 'skip' in a stream that emits no undefined
  @DistributedLock('k', { onBusy: 'skip' })
  skippingStream(): Observable<number> {
    return null as never;
  }

  // @ts-expect-error an answer of another type
  @DistributedLock('k', { onBusy: () => 1 })
  async answering(): Promise<string> {
    return 'x';
  }

  // @ts-expect-error a promised answer of another type
  @DistributedLock('k', { onBusy: async () => 1 })
  async answeringLater(): Promise<string> {
    return 'x';
  }

  // @ts-expect-error 'skip' in one of two cases
  @DistributedLock('k', { onBusy: inProduction ? 'skip' : 'throw' })
  async sometimesSkipping(): Promise<string> {
    return 'x';
  }

  // @ts-expect-error an answer of another type in one of two cases
  @DistributedLock('k', { onBusy: inProduction ? () => 1 : 'throw' })
  async sometimesAnswering(): Promise<string> {
    return 'x';
  }

  // @ts-expect-error answers of two types, of which one is wrong
  @DistributedLock('k', { onBusy: inProduction ? () => 'x' : () => 1 })
  async answeringTwice(): Promise<string> {
    return 'x';
  }

  // @ts-expect-error options of which nobody knows what onBusy is
  @DistributedLock('k', shared)
  async sharedOptions(): Promise<string> {
    return 'x';
  }

  // @ts-expect-error the same in the object form
  @DistributedLock({ key: 'k', ...shared })
  async sharedOptionsInObject(): Promise<string> {
    return 'x';
  }

  // @ts-expect-error an answer where only undefined is right
  @DistributedLock('k', { onBusy: () => 1 })
  async answeringUndefined(): Promise<undefined> {}

  // @ts-expect-error no such value
  @DistributedLock('k', { onBusy: 'retry' })
  async noSuchValue() {}

  // @ts-expect-error no such option
  @DistributedLock('k', { timeout: 1 })
  async noSuchOption() {}

  // @ts-expect-error no such option beside one that there is
  @DistributedLock('k', { waitTimout: 1, ttl: 5 })
  async misspelled() {}

  // @ts-expect-error no such option in the object form
  @DistributedLock({ key: 'k', waitTimout: 1 })
  async misspelledInObject() {}

  // @ts-expect-error the key stands in one place only
  @DistributedLock('k', { key: 'k', ttl: 5 })
  async twoKeys() {}

  // @ts-expect-error the decorator has no signal
  @DistributedLock('k', { signal: AbortSignal.abort() })
  async signal() {}

  // @ts-expect-error a key is needed
  @DistributedLock({ ttl: 1 })
  async noKeyAtAll() {}

  // @ts-expect-error a number is no key
  @DistributedLock(7)
  async numberAsKey() {}

  // @ts-expect-error an accessor
  @DistributedLock('k')
  get accessor() {
    return 1;
  }
}

export async function handles(locks: LockService) {
  const result: number = await locks.run('k', (lock: Lock) => Number(lock.fencingToken));
  const maybe: Lock | null = await locks.tryAcquire(['a', 'b']);
  // @ts-expect-error tryAcquire never waits
  await locks.tryAcquire('k', { waitTimeout: 1 });
  // @ts-expect-error only run knows re-entry
  await locks.acquire('k', { reentrant: true });
  return { result, maybe };
}
