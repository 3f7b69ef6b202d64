import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { provableUntil } from '../../lib/core/backend';
import type { LockEvent } from '../../lib/core/events';
import type { LockKey } from '../../lib/core/key';
import type { Lock } from '../../lib/core/lock';
import type { LockServiceInit } from '../../lib/core/lock-service';
import { LockService } from '../../lib/core/lock-service';
import type { RunOptions } from '../../lib/core/options';
import { memoryBackend } from '../../lib/backends/memory/memory.backend';
import { FakeClock } from '../../lib/testing/fake-clock';
import { ScriptedBackend } from './scripted-backend';

/** What the services of these tests use unless a test says otherwise, in ms. */
export const TTL = 30_000;

/** How long a lease of this ttl is provably ours. */
export const validity = (ttl = TTL): number => provableUntil(0, ttl);

type Init = Partial<LockServiceInit>;

/** A service over the memory backend. */
export function withMemory(init: Init = {}) {
  const clock = new FakeClock();
  const backend = memoryBackend({ clock });
  return { clock, backend, ...service({ backend, ...init }) };
}

/** A service over a backend that answers as the test says. */
export function withScript({ attempts, ...init }: Init & { attempts?: number } = {}) {
  const clock = new FakeClock();
  const backend = new ScriptedBackend(clock, attempts === undefined ? {} : { attempts });
  return { clock, backend, ...service({ backend, ...init }) };
}

function service(init: Init & Pick<LockServiceInit, 'backend'>) {
  const warnings: string[] = [];
  return { warnings, locks: new LockService({ warn: (message) => warnings.push(message), ...init }) };
}

/** A promise whose state can be looked at. */
export class Tracked<T> {
  state: 'pending' | 'fulfilled' | 'rejected' = 'pending';
  value: T | undefined;
  error: any;

  constructor(promise: Promise<T>) {
    promise.then(
      (value) => {
        this.state = 'fulfilled';
        this.value = value;
      },
      (error: unknown) => {
        this.state = 'rejected';
        this.error = error;
      },
    );
  }
}

export function track<T>(promise: Promise<T>): Tracked<T> {
  return new Tracked(promise);
}

/** A `run` whose body ends when the test says so. */
export class Section extends Tracked<unknown> {
  readonly body: { lock: Lock | undefined; finish: (value: unknown) => void; fail: (error: unknown) => void };

  constructor(locks: LockService, key: LockKey, options?: RunOptions) {
    const body: Section['body'] = { lock: undefined, finish: () => {}, fail: () => {} };
    const ended = new Promise((resolve, reject) => {
      body.finish = resolve;
      body.fail = reject;
    });
    ended.catch(() => {});
    super(
      locks.run(
        key,
        (lock) => {
          body.lock = lock;
          return ended;
        },
        options,
      ),
    );
    this.body = body;
  }

  get isRunning(): boolean {
    return this.body.lock !== undefined && this.state === 'pending';
  }

  get lock(): Lock {
    if (!this.body.lock) throw new Error('the body has not started');
    return this.body.lock;
  }

  finish(value?: unknown): void {
    this.body.finish(value);
  }

  fail(error: unknown): void {
    this.body.fail(error);
  }
}

export function begin(locks: LockService, key: LockKey, options?: RunOptions): Section {
  return new Section(locks, key, options);
}

/** Something to wait for that the test opens. */
export function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

export type Published = LockEvent & { channel: string };

const CHANNELS = ['acquire', 'contended', 'renew', 'lost', 'release', 'release-failed'];

/** Runs `body` while everything that is published is written down. */
export async function recordEvents(body: (events: Published[]) => Promise<void>): Promise<void> {
  const events: Published[] = [];
  const listeners = CHANNELS.map((channel) => {
    const listener = (event: unknown) => void events.push({ channel, ...(event as LockEvent) });
    return [`nestlock:${channel}`, listener] as const;
  });
  for (const [name, listener] of listeners) subscribe(name, listener);
  try {
    await body(events);
  } finally {
    for (const [name, listener] of listeners) unsubscribe(name, listener);
  }
}

/** An AbortController that counts who listens to its signal. */
export function countingController(): AbortController & { readonly listeners: number } {
  const controller = new AbortController() as AbortController & { listeners: number };
  const { signal } = controller;
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  Object.defineProperty(controller, 'listeners', { get: () => listeners });
  return controller;
}
