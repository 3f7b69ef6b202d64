import { AsyncResource } from 'node:async_hooks';
import type { Subscriber } from 'rxjs';
import { Observable, Subject, isObservable, takeUntil } from 'rxjs';
import type { Clock } from '../core/clock';
import { LockConfigError } from '../core/errors';
import type { Lock } from '../core/lock';

/** Runs a body under the lock of one subscription; a test's mock gives it no lock. */
type RunStream = (body: (lock?: Lock) => unknown, signal: AbortSignal) => Promise<unknown>;

/**
 * Each subscription takes a lock of its own, calls the method, and holds the lock until the Observable completes, fails or
 * is unsubscribed from. The completion is passed on only when the lock has been given back. When the lock is lost the source
 * is unsubscribed from, and the loss is passed on.
 */
export function lockedStream(run: RunStream, call: () => unknown, where: string): Observable<unknown> {
  return new Observable((subscriber) => {
    const leaving = new AbortController();
    let isOurs = false;
    const settled = run((lock) => {
      isOurs = true;
      const source = call();
      if (isObservable(source)) return emitAll(source, subscriber, lock);
      throw new LockConfigError(`Expected ${where} to return the Observable that it declares, got something else.`);
    }, leaving.signal);
    settled.then(
      (answer) => {
        if (!isOurs) subscriber.next(answer);
        subscriber.complete();
      },
      (error: unknown) => subscriber.error(error),
    );
    return () => leaving.abort();
  });
}

/**
 * The Observable that an async method has resolved with, for a single subscription under the lock of that call.
 *
 * @param patience - how long the lock is kept for a subscriber who does not come, in ms of the clock
 * @param settled - what becomes of the call when `done` has settled
 * @returns the stream, and when its lock may go
 */
export function streamOnce(
  source: Observable<unknown>,
  {
    where,
    clock,
    patience,
    lock,
    settled,
  }: { where: string; clock: Clock; patience: number; lock: Lock | undefined; settled: () => Promise<unknown> },
): { stream: Observable<unknown>; done: Promise<void> } {
  let state: 'open' | 'taken' | 'late' = 'open';
  let finish!: (done: void | Promise<void>) => void;
  const done = new Promise<void>((resolve) => (finish = resolve));
  const timer = clock.setTimeout(() => {
    state = 'late';
    finish();
  }, patience);
  timer.unref?.();
  const emit = AsyncResource.bind(emitAll); // whoever subscribes, the source runs inside of this lock's section
  const stream = new Observable<unknown>((subscriber) => {
    if (state !== 'open') {
      subscriber.error(new LockConfigError(`The Observable of ${where} ${REFUSED[state]}`));
      return;
    }
    state = 'taken';
    clock.clearTimeout(timer);
    finish(emit(source, subscriber, lock));
    settled().then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
  });
  return { stream, done };
}

const REFUSED = {
  taken: 'can be subscribed to only once: its lock is held for one subscription. Declare the method as Observable.',
  late: 'was subscribed to after its lock had been given back: nobody had come within the ttl.',
};

/** Passes on what the source emits. Resolves when it completes, nobody listens any more or the lock is lost; rejects when it fails. */
function emitAll(source: Observable<unknown>, subscriber: Subscriber<unknown>, lock?: Lock): Promise<void> {
  return new Promise((resolve, reject) => {
    const left = new Subject<void>();
    subscriber.add(() => left.next());
    lock?.signal.addEventListener('abort', () => left.next(), { once: true });
    if (subscriber.closed || lock?.signal.aborted) return resolve();
    source
      .pipe(takeUntil(left))
      .subscribe({ next: (value) => subscriber.next(value), error: reject, complete: resolve });
  });
}
