import { Controller, Get, Injectable } from '@nestjs/common';
import {
  DistributedLock,
  LockConfigError,
  LockLostError,
  LockModule,
  LockReentryError,
  LockService,
  LockTimeoutError,
} from 'nestlock';
import { FakeClock, TestLockBackend, attachLocks } from 'nestlock/testing';
import { EMPTY, Observable, Subject, firstValueFrom, from, interval, of, take, throwError, toArray } from 'rxjs';
import { PLATFORMS, boot, errorOf, log, serve, settle, until, withBackend } from './support';

@Injectable()
class Streams {
  calls = 0;
  source: () => Observable<unknown> = () => EMPTY;
  constructor(private readonly locks: LockService) {}

  @DistributedLock('k', { waitTimeout: '1m' })
  declared(): Observable<unknown> {
    this.calls++;
    return this.source();
  }

  @DistributedLock('k', { onBusy: 'skip' })
  skipping(): Observable<unknown> {
    return this.source();
  }

  @DistributedLock('k', { onBusy: async () => 'busy', waitTimeout: 0 })
  answering(): Observable<unknown> {
    return this.source();
  }

  @DistributedLock('k', { returns: 'observable' })
  stated() {
    return this.source();
  }

  @DistributedLock('k')
  subclass(): Subject<unknown> {
    return this.source() as Subject<unknown>;
  }

  @DistributedLock('k')
  undeclared() {
    return this.source();
  }

  @DistributedLock('k')
  liar(): Observable<unknown> {
    return 'no stream' as never;
  }

  @DistributedLock('k', { ttl: 300 })
  async promised() {
    return this.source();
  }

  @DistributedLock('k')
  async inside(): Promise<unknown> {
    return this.locks.current()?.keys;
  }
}

async function bootStreams(source: () => Observable<unknown>) {
  const { backend, locks } = withBackend();
  const app = await boot({ imports: [locks], providers: [Streams] });
  const streams = Object.assign(app.get(Streams), { source });
  const service = app.get(LockService);
  const isFree = async () => (await service.tryAcquire('k').then((lock) => lock?.release().then(() => true))) === true;
  return { backend, streams, service, isFree };
}

/** Takes down everything that a stream tells. */
function listen(stream: Observable<unknown>) {
  const told: unknown[] = [];
  const subscription = stream.subscribe({
    next: (value) => told.push(value),
    error: (error: unknown) => told.push(error),
    complete: () => told.push('completed'),
  });
  return { told, leave: () => subscription.unsubscribe() };
}

describe('a declared Observable', () => {
  it('does nothing before it is subscribed to', async () => {
    const { backend, streams } = await bootStreams(() => of(1));
    expect(streams.declared()).toBeInstanceOf(Observable);
    await settle();
    expect([streams.calls, backend.asked('k').length]).toEqual([0, 0]);
  });

  it('holds the lock until it completes', async () => {
    const source = new Subject();
    const { streams, isFree } = await bootStreams(() => source);
    const { told } = listen(streams.declared());
    await until(() => source.observed);
    source.next(1);
    expect(await isFree()).toBe(false);
    source.next(2);
    source.complete();
    await until(() => told.length === 3);
    expect(told).toEqual([1, 2, 'completed']);
    expect(await isFree()).toBe(true);
  });

  it('holds the lock until it fails, and passes the error on as it is', async () => {
    const source = new Subject();
    const { streams, isFree } = await bootStreams(() => source);
    const { told } = listen(streams.declared());
    await until(() => source.observed);
    expect(await isFree()).toBe(false);
    const error = new Error('mine');
    source.error(error);
    await until(() => told.length === 1);
    expect(told[0]).toBe(error);
    expect(await isFree()).toBe(true);
  });

  it('holds the lock until it is unsubscribed from', async () => {
    const source = new Subject();
    const { streams, isFree } = await bootStreams(() => source);
    const { told, leave } = listen(streams.declared());
    await until(() => source.observed);
    expect(await isFree()).toBe(false);
    leave();
    await until(isFree);
    expect(source.observed).toBe(false);
    expect(told).toEqual([]);
  });

  it('leaves the line when it is unsubscribed from while it waits', async () => {
    const { backend, streams } = await bootStreams(() => of(1));
    const letGo = await backend.holdElsewhere('k');
    const { told, leave } = listen(streams.declared());
    await until(() => backend.asked('k').length === 1);
    leave();
    await settle();
    expect(backend.asked('k')[0]!.signal.aborted).toBe(true);
    await letGo();
    await settle();
    expect([streams.calls, told]).toEqual([0, []]);
  });

  it('may be left by its consumer in the middle of a synchronous burst', async () => {
    const { streams, isFree } = await bootStreams(() => from([1, 2, 3, 4]));
    expect(await firstValueFrom(streams.declared().pipe(take(2), toArray()))).toEqual([1, 2]);
    await until(isFree);
  });

  it('takes a lock of its own for each subscription, one at a time', async () => {
    const { streams } = await bootStreams(
      () =>
        new Observable<number>((subscriber) => {
          order.push('in');
          void settle().then(() => {
            order.push('out');
            subscriber.complete();
          });
        }),
    );
    const order: string[] = [];
    const stream = streams.declared();
    const [a, b] = [listen(stream), listen(stream)];
    await until(() => a.told.length + b.told.length === 2);
    expect(order).toEqual(['in', 'out', 'in', 'out']);
    expect(streams.calls).toBe(2);
  });

  it.each(['stated', 'subclass'] as const)('may be %s otherwise', async (how) => {
    const { backend, streams } = await bootStreams(() => of(1));
    expect(await firstValueFrom(streams[how]())).toBe(1);
    expect(backend.acquired('k')).toHaveLength(1);
  });

  it('skips with one undefined, or what onBusy says', async () => {
    const { backend, streams } = await bootStreams(() => of(1));
    const letGo = await backend.holdElsewhere('k');
    const [skipped, answered] = [listen(streams.skipping()), listen(streams.answering())];
    await until(() => skipped.told.length + answered.told.length === 4);
    expect([skipped.told, answered.told]).toEqual([
      [undefined, 'completed'],
      ['busy', 'completed'],
    ]);
    await letGo();
    expect(await firstValueFrom(streams.answering())).toBe(1);
  });

  it('fails as soon as the lock is lost, and its source is left', async () => {
    const source = new Subject();
    const { backend, streams } = await bootStreams(() => source);
    const { told } = listen(streams.declared());
    await until(() => source.observed);
    source.next(1);
    backend.lose('k');
    await until(() => told.length === 2);
    expect(told).toEqual([1, expect.any(LockLostError)]);
    expect(source.observed).toBe(false);
  });

  it('that is none fails', async () => {
    const { streams, isFree } = await bootStreams(() => EMPTY);
    expect((await errorOf(firstValueFrom(streams.liar()))).message).toContain(
      'Streams.liar to return the Observable that it declares',
    );
    expect(await isFree()).toBe(true);
  });

  it('knows that it is inside of its lock', async () => {
    const { streams } = await bootStreams(() => from(streams.inside()));
    expect(await errorOf(firstValueFrom(streams.declared()))).toBeInstanceOf(LockReentryError);
  });
});

it('an Observable that is not declared rejects, without running it, and says what to do', async () => {
  let subscribed = 0;
  const { streams, isFree } = await bootStreams(() => new Observable(() => void subscribed++));
  const error = await errorOf(streams.undeclared() as unknown as Promise<unknown>);
  expect(error).toBeInstanceOf(LockConfigError);
  expect(error.message).toContain('Streams.undeclared returned an Observable that it does not declare');
  expect(error.message).toContain("pass { returns: 'observable' }");
  expect(subscribed).toBe(0);
  expect(await isFree()).toBe(true);
});

describe('a promise of an Observable', () => {
  it('holds the lock to the end of its first subscription', async () => {
    const source = new Subject();
    const { streams, isFree } = await bootStreams(() => source);
    const stream = await streams.promised();
    expect(await isFree()).toBe(false);
    const { told } = listen(stream);
    source.next(1);
    expect(await isFree()).toBe(false);
    source.complete();
    await until(() => told.length === 2);
    expect(told).toEqual([1, 'completed']);
    expect(await isFree()).toBe(true);
  });

  it('holds it until that fails or is unsubscribed from', async () => {
    const error = new Error('mine');
    const failing = await bootStreams(() => throwError(() => error));
    expect(await errorOf(firstValueFrom(await failing.streams.promised()))).toBe(error);
    await until(failing.isFree);
    const endless = await bootStreams(() => interval(1));
    const { told, leave } = listen(await endless.streams.promised());
    await until(() => told.length > 2);
    expect(await endless.isFree()).toBe(false);
    leave();
    await until(endless.isFree);
  });

  it('refuses a second subscription', async () => {
    const { streams } = await bootStreams(() => of(1));
    const stream = await streams.promised();
    const [first, second] = [listen(stream), listen(stream)];
    await until(() => first.told.length === 2);
    expect(second.told).toEqual([expect.any(LockConfigError)]);
    expect(String(second.told[0])).toContain('can be subscribed to only once');
  });

  it('frees the lock when nobody subscribes within the ttl, and then refuses', async () => {
    const { streams, isFree } = await bootStreams(() => of(1));
    const stream = await streams.promised();
    expect(await isFree()).toBe(false);
    await until(isFree);
    const { told } = listen(stream);
    expect(told).toEqual([expect.any(LockConfigError)]);
    expect(String(told[0])).toContain('nobody had come within the ttl');
  });

  it('waits for a subscriber on the clock of the backend', async () => {
    const clock = new FakeClock();
    const backend = new TestLockBackend({ clock });
    const app = await boot({ imports: [LockModule.forRoot({ backend })], providers: [Streams] });
    const stream = await app.get(Streams).promised();
    await clock.advance(150);
    expect(await app.get(LockService).tryAcquire('k')).toBeNull();
    await clock.advance(150);
    await app.get(LockService).run('k', () => undefined, { waitTimeout: 0 });
    expect(String(await errorOf(firstValueFrom(stream)))).toContain('nobody had come within the ttl');
  });

  it('leaves no timer on the clock when it has been subscribed to', async () => {
    const clock = new FakeClock();
    const backend = new TestLockBackend({ clock });
    const app = await boot({ imports: [LockModule.forRoot({ backend })], providers: [Streams] });
    const streams = Object.assign(app.get(Streams), { source: () => of(1) });
    await streams.inside();
    const idle = clock.pending;
    expect(await firstValueFrom(await streams.promised())).toBe(1);
    await settle();
    expect(clock.pending).toBe(idle);
  });

  it('needs no clock of a mock', async () => {
    const locks = new LockService({ backend: new TestLockBackend() });
    const mock = { run: (_key: unknown, body: any): Promise<any> => locks.run('k', body, { ttl: 300 }) };
    const streams = attachLocks(Object.assign(new Streams(locks), { source: () => of(1) }), mock);
    await streams.promised(); // not subscribed to
    await locks.run('k', () => undefined);
    await locks.close();
  });

  it('fails as soon as the lock is lost, also before it is subscribed to', async () => {
    for (const isEarly of [true, false]) {
      const source = new Subject();
      const { backend, streams } = await bootStreams(() => source);
      const stream = await streams.promised();
      if (isEarly) backend.lose('k');
      const { told } = listen(stream);
      if (!isEarly) backend.lose('k');
      await until(() => told.length === 1);
      expect(told[0]).toBeInstanceOf(LockLostError);
      expect(source.observed).toBe(false);
    }
  });

  it('knows that it is inside of its lock, whoever subscribes', async () => {
    const { streams } = await bootStreams(
      () =>
        new Observable((subscriber) => {
          from(streams.inside()).subscribe(subscriber);
        }),
    );
    const stream = await streams.promised();
    expect(await errorOf(firstValueFrom(stream))).toBeInstanceOf(LockReentryError);
  });

  it('is busy like any other call', async () => {
    const { backend, streams } = await bootStreams(() => of(1));
    await backend.holdElsewhere('k');
    const service = streams as unknown as { promised: () => Promise<unknown> };
    const waiting = errorOf(service.promised());
    await until(() => backend.asked('k').length === 1);
    backend.goDown();
    expect(await waiting).not.toBeInstanceOf(LockTimeoutError);
  });
});

describe.each(PLATFORMS)('as a route on %s', (platform) => {
  @Controller()
  class Routes {
    constructor(private readonly locks: LockService) {}

    @Get('declared')
    @DistributedLock('declared')
    declared(): Observable<unknown> {
      return of({ keys: this.locks.current()?.keys });
    }

    @DistributedLock('promised')
    @Get('promised')
    async promised() {
      return of({ keys: this.locks.current()?.keys });
    }
  }

  it.each(['declared', 'promised'])('a %s Observable answers and frees the lock', async (name) => {
    const { backend, locks } = withBackend();
    const { url, app } = await serve({ imports: [locks], controllers: [Routes] }, { platform });
    for (let i = 0; i < 2; i++) expect(await (await fetch(`${url}/${name}`)).json()).toEqual({ keys: [name] });
    const lock = await app.get(LockService).tryAcquire(name);
    expect(lock).not.toBeNull();
    await lock!.release();
    expect(backend.acquired(name)).toHaveLength(3);
    expect(log.errors).toEqual([]);
  });
});
