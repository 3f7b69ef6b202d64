// Run by processes.ts in a process of its own: a LockService that does what the test says.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { redisBackend } from '../../lib/backends/redis';
import type { RedisBackendOptions } from '../../lib/backends/redis';
import type { Lock } from '../../lib/core/lock';
import type { LockServiceOptions } from '../../lib/core/options';
import { LockService } from '../../lib/core/lock-service';
import type { AcquireOptions } from '../../lib/core/options';

/** What became of a lock: the state in which a process found it. */
export interface Findings {
  readonly held: boolean;
  readonly remaining: number;
  readonly error: string | undefined;
  readonly aborted: boolean;
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

const [backend, options] = JSON.parse(process.argv[2]!) as [RedisBackendOptions, LockServiceOptions];
const locks = new LockService({ backend: redisBackend(backend), ...options });
const held = new Map<string, Lock>();
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
  /** The process ends by itself then, if nothing is left. */
  async close(): Promise<void> {
    await locks.close();
    process.disconnect();
  },
};

export type Commands = typeof commands;

function keep(key: string, lock: Lock): string {
  held.set(key, lock);
  return String(lock.fencingToken);
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
