// Run by worker.ts in a process of its own: a LockService that does what the test says.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Lock } from '../../lib/core/lock';
import { LockService } from '../../lib/core/lock-service';
import type { AcquireOptions, LockServiceOptions } from '../../lib/core/options';
import type { BackendChoice } from './backend-choice';
import { makeBackend, transactionOf } from './backend-choice';
import { bustle } from './bustle';

/** What became of a lock: the state in which a process found it. */
export interface Findings {
  readonly held: boolean;
  readonly remaining: number;
  readonly error: string | undefined;
  readonly aborted: boolean;
}

/** How long a lock was held, as its process saw it, on the clock that all processes share, in ns. */
export interface Observation {
  /** When it was got. */
  readonly since: string;
  /** The last moment at which it said that it is held; undefined if it was over when it was got. */
  readonly heldAt: string | undefined;
  /** The latest end that it has ever promised, by its remaining time. */
  readonly promised: string;
  /** When its signal aborted; undefined if it was given back. */
  readonly abortedAt: string | undefined;
  readonly error: string | undefined;
}

/** One section of the load: who was in it from when to when, on the clock that all processes share, in ns. */
export interface Stay {
  readonly key: string;
  readonly shared: boolean;
  readonly token: string;
  readonly from: string;
  readonly to: string;
}

export interface Job {
  readonly key: string;
  readonly sections: number;
  readonly options: AcquireOptions;
}

/** A section that has been entered: does the rest of its statements, and ends as `run` does. */
type Inside = (statements: readonly string[]) => Promise<void>;

const [backend, options] = JSON.parse(process.argv[2]!) as [BackendChoice, LockServiceOptions];
const locks = new LockService({ backend: makeBackend(backend), ...options });
const held = new Map<string, Lock>();
const sections = new Map<string, Inside>();
const observations = new Map<string, Promise<Observation>>();
const stamp = (): string => String(process.hrtime.bigint());

const commands = {
  async acquire(key: string, terms: AcquireOptions): Promise<string> {
    return keep(key, await locks.acquire(key, terms));
  },
  async tryAcquire(key: string): Promise<string | undefined> {
    const lock = await locks.tryAcquire(key);
    return lock ? keep(key, lock) : undefined;
  },
  async release(key: string): Promise<void> {
    await held.get(key)!.release();
  },
  /** Resolves when the process was stopped for more than so many ms, with what it finds at its first step after that. */
  async stall(key: string, ms: number): Promise<Findings> {
    for (let last = performance.now(); ;) {
      await nextTurn();
      const now = performance.now();
      if (now - last > ms) return find(held.get(key)!);
      last = now;
    }
  },
  async find(key: string): Promise<Findings> {
    return find(held.get(key)!);
  },
  /** Lets nothing else run for so many ms. Resolves with what is found right after that. */
  async block(key: string, ms: number): Promise<Findings> {
    for (const end = performance.now() + ms; performance.now() < end;);
    return find(held.get(key)!);
  },
  /** Resolves when the lock is not held any more. Every lock is observed from the moment that it is got. */
  async observed(key: string): Promise<Observation> {
    return observations.get(key)!;
  },
  /** Takes the lock again and again for so many ms, whatever happens; a section ends when its lock does. */
  async strive(key: string, ms: number): Promise<{ readonly stays: Stay[]; readonly errors: string[] }> {
    const stays: Stay[] = [];
    const errors: string[] = [];
    for (const end = performance.now() + ms; performance.now() < end;) {
      const lock = await locks.acquire(key).catch(({ name }: Error) => void errors.push(name));
      if (!lock) continue;
      const { since, heldAt } = await observe(lock, 5);
      if (heldAt) stays.push({ key, shared: false, token: String(lock.fencingToken), from: since, to: heldAt });
      if (!lock.held) errors.push('LockLostError');
      await lock.release();
    }
    return { stays, errors };
  },
  /** Callers at work one after the other, all jobs at once. */
  async load(jobs: readonly Job[]): Promise<Stay[]> {
    const stays: Stay[] = [];
    const work = async ({ key, sections, options: terms }: Job): Promise<void> => {
      for (let i = 0; i < sections; i++) {
        await locks.run(
          key,
          async (lock) => {
            const from = stamp();
            await nextTurn();
            lock.assertHeld();
            stays.push({ key, shared: terms.mode === 'shared', token: String(lock.fencingToken), from, to: stamp() });
          },
          terms,
        );
      }
    };
    await Promise.all(jobs.map(work));
    return stays;
  },
  /** Enters a section, and sends statements through the transaction of its lock. It stays until `leave`. */
  enter(key: string, statements: readonly string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const ended = locks.run(key, async (lock) => {
        await send(lock, statements);
        const rest = await new Promise<readonly string[]>((proceed) => {
          sections.set(key, (more) => (proceed(more), ended));
          resolve();
        });
        await send(lock, rest);
      });
      ended.catch(reject);
    });
  },
  async leave(key: string, statements: readonly string[]): Promise<void> {
    await sections.get(key)!(statements);
  },
  bustle,
  /** The process ends by itself then, if nothing is left. */
  async close(): Promise<void> {
    await locks.close();
    process.disconnect();
  },
};

export type Commands = typeof commands;

async function send(lock: Lock, statements: readonly string[]): Promise<void> {
  for (const sql of statements) await transactionOf(backend, lock).query(sql);
}

function keep(key: string, lock: Lock): string {
  held.set(key, lock);
  observations.set(key, observe(lock));
  return String(lock.fencingToken);
}

/** Looks at a lock until it is not held any more, or so many ms have passed. */
async function observe(lock: Lock, ms = Infinity): Promise<Observation> {
  const since = stamp();
  const end = performance.now() + ms;
  let heldAt: string | undefined;
  let promised = 0n;
  let abortedAt: string | undefined;
  lock.signal.addEventListener('abort', () => (abortedAt = stamp()));
  for (;;) {
    const now = stamp(); // before it is asked: the process may be stopped in between
    const remaining = BigInt(Math.floor(lock.remainingTime() * 1e6));
    if (!lock.held || performance.now() > end) break;
    heldAt = now;
    if (BigInt(now) + remaining > promised) promised = BigInt(now) + remaining;
    await sleep(1);
  }
  return { since, heldAt, promised: String(promised), abortedAt, error: find(lock).error };
}

function find(lock: Lock): Findings {
  const { held: isHeld, signal } = lock;
  let error: string | undefined;
  try {
    lock.assertHeld();
  } catch (thrown) {
    error = (thrown as Error).name;
  }
  return { held: isHeld, remaining: lock.remainingTime(), error, aborted: signal.aborted };
}

for (const event of ['uncaughtException', 'unhandledRejection', 'warning']) {
  process.on(event, (error: Error) => process.connected && process.send!({ [event]: error.message ?? String(error) }));
}

process.on('message', ({ id, name, args }: { id: number; name: keyof Commands; args: unknown[] }) => {
  const command = commands[name] as (...args: unknown[]) => Promise<unknown>;
  command(...args).then(
    (value) => process.connected && process.send!({ id, value }),
    ({ name: kind, message }: Error) => process.connected && process.send!({ id, error: { kind, message } }),
  );
});

void locks.open().then(() => process.send!({ id: 0 }));
