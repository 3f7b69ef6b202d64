// Run by member.ts in a process of its own: callers that take locks, and write down what they see.
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockLostError } from '../../lib/core/errors';
import type { Lock } from '../../lib/core/lock';
import { LockService } from '../../lib/core/lock-service';
import type { AcquireOptions, TryAcquireOptions } from '../../lib/core/options';
import type { BackendChoice } from '../processes/backend-choice';
import { makeBackend, transactionOf } from '../processes/backend-choice';
import { brokenBackend } from './broken-backends';
import type { Entry, Outcome } from './history';
import { now } from './history';
import type { BrokenChoice, Order, Plan } from './plan';
import { PERMITS } from './plan';
import { Random } from './random';
import type { Access } from './registers';
import { onStandstill } from './standstill';

const plan = JSON.parse(process.argv[2]!) as Plan;
const { member, ttl, commandTimeout, hasHandles, table } = plan;
const file = openSync(plan.history, 'a');
const backend = isBroken(plan.backend) ? brokenBackend(plan.backend) : makeBackend(plan.backend);
const locks = new LockService({ backend, ttl, prefix: 'chaos:' });
const random = new Random(plan.seed);
const answers = new Map<number, (value: number | undefined) => void>();
let asked = 0;
let questions = 0;
let hasToEnd = false;

/** How a caller asks; most of them do it in the usual way. */
const KINDS_OF_RUN = ['run', 'run', 'run', 'run', 'run', 'run', 'try', 'abort'] as const;
const KINDS = [...KINDS_OF_RUN, 'handle', 'several'] as const;

/** How many of a hundred sections are for the same key. */
const HOT = 40;

/** How often a holder looks whether it still has its lock, in ms. */
const LOOK = 20;

const LIBRARY = join(__dirname, '../../lib');

/** An error of a body's own: a statement that failed, for example. */
class BodyError extends Error {
  override readonly name = 'BodyError';
}

/** At once and with one call, so that what was seen is written when the process is killed right after. */
function write(entry: Entry): void {
  writeSync(file, JSON.stringify(entry) + '\n');
}

function access(request: Access): Promise<number | undefined> {
  const nr = ++questions;
  return new Promise((resolve) => {
    answers.set(nr, resolve);
    process.send!({ nr, request });
  });
}

/** What a caller does while it has the lock. */
class Stay {
  constructor(
    private readonly id: string,
    private readonly lock: Lock,
    private readonly isShared: boolean,
    private readonly ms: number,
  ) {}

  /** Whether it is still held. Whoever stays on when it is not is what fencing tokens are for. */
  look(): boolean {
    const at = now();
    const until = at + this.lock.remainingTime(); // counted from before it was asked
    if (!this.lock.held) return false;
    write({ what: 'held', id: this.id, at, until, tokens: tokensOf(this.lock) });
    return true;
  }

  async live(): Promise<void> {
    if (!this.look()) return this.leave();
    try {
      if (table !== undefined) await this.write(table);
      else if (this.isShared) await this.linger();
      else await this.count();
    } finally {
      this.leave();
    }
  }

  /** It is over: from now on it may be another's. */
  leave(): void {
    const isHeld = this.look();
    write({ what: 'over', id: this.id, at: now(), ...(!isHeld && { lost: reasonOf(this.lock) }) });
  }

  private async linger(): Promise<void> {
    for (const end = now() + this.ms; now() < end && this.look();) await sleep(Math.min(LOOK, end - now()));
  }

  /** Reads both registers, and writes one more: to the one that checks tokens even if the lock was lost meanwhile. */
  private async count(): Promise<void> {
    const key = this.lock.keys[0]!;
    const token = String(this.lock.fencingTokens.get(key));
    const fenced = await access({ register: 'fenced', key, token });
    const open = await access({ register: 'open', key, token });
    await this.linger();
    if (this.lock.held) {
      await sleep(1); // as a write needs some time to get to its server
      await access({ register: 'open', key, token, value: open! + 1 });
    }
    if (fenced !== undefined) await access({ register: 'fenced', key, token, value: fenced + 1 });
  }

  /** The same in a table, through the transaction of the lock: it need not check anything. */
  private async write(name: string): Promise<void> {
    const key = `'${this.lock.keys[0]!}'`;
    try {
      const transaction = transactionOf(plan.backend as BackendChoice, this.lock);
      const value = valueIn(await transaction.query(`SELECT value FROM ${name} WHERE id = ${key}`));
      await this.linger();
      await transaction.query(`UPDATE ${name} SET value = ${value + 1} WHERE id = ${key}`);
      await transaction.query(`INSERT INTO ${name}_log VALUES ('${this.id}', ${key}, ${value})`);
    } catch (cause) {
      throw new BodyError(String(cause), { cause });
    }
  }
}

/** One section after the other. */
async function call(): Promise<void> {
  while (!hasToEnd) {
    await section();
    await sleep(random.between(0, 60));
  }
}

async function section(): Promise<void> {
  const id = `${member}.${++asked}`;
  const isShared = plan.sharedKeys.length > 0 && random.chance(30);
  const shared = isShared && random.chance(70);
  const key = !isShared && random.chance(HOT) ? plan.keys[0]! : random.pick(isShared ? plan.sharedKeys : plan.keys);
  const kind = random.pick(hasHandles ? KINDS : KINDS_OF_RUN);
  const keys = kind === 'several' && !isShared ? [...new Set([key, random.pick(plan.keys)])].sort() : [key];
  const waitTimeout = kind === 'try' ? 0 : random.pick([2_000, 5_000, 10_000]);
  const patience = kind === 'abort' ? random.between(1, 500) : waitTimeout;
  const signal = kind === 'abort' ? AbortSignal.timeout(patience) : undefined;
  const ms = random.pick([0, 0, 0, 2, 2, 5, 10, 50, 100, random.chance(10) ? ttl * 1.5 : 20]);
  const maxHold = ms > ttl && hasHandles && random.chance(50) ? ttl : undefined;
  const permits = key === plan.sharedKeys[0] ? PERMITS : undefined;
  const usual: TryAcquireOptions = {
    ...(shared && (permits ? { permits } : { mode: 'shared' })),
    ...(maxHold && { maxHold }),
  };
  const options: AcquireOptions = { ...usual, waitTimeout, ...(signal && { signal }) };
  const at = now();
  const waits = kind !== 'try' && kind !== 'abort';
  const deadline = at + patience + commandTimeout * keys.length;
  write({ what: 'asked', id, member, at, keys, shared, permits, maxHold, waits, deadline });
  const stay = (lock: Lock): Promise<void> => new Stay(id, lock, shared, ms).live();
  try {
    if (kind === 'try' && hasHandles) await handle(await locks.tryAcquire(keys, usual), stay);
    else if (kind === 'handle') await handle(await locks.acquire(keys, options), stay);
    else await locks.run(keys, stay, options);
    write({ what: 'answered', id, at: now(), outcome: 'done' });
  } catch (thrown) {
    const { name, message, outcome } = thrown as Error & { outcome?: string };
    const error = name === 'TimeoutError' ? 'AbortError' : name; // of the signal
    write({ what: 'answered', id, at: now(), outcome: outcomeOf(outcome), error, message });
  }
}

async function handle(lock: Lock | null, stay: (lock: Lock) => Promise<void>): Promise<void> {
  if (!lock) return;
  try {
    await stay(lock);
  } finally {
    await lock.release();
  }
}

function outcomeOf(outcome: string | undefined): Outcome {
  return outcome === 'unknown' ? 'unknown' : 'failed';
}

function tokensOf(lock: Lock): string[] {
  return lock.keys.flatMap((key) => {
    const token = lock.fencingTokens.get(key);
    return token === undefined ? [] : [String(token)];
  });
}

function reasonOf(lock: Lock): string {
  try {
    lock.assertHeld();
    return 'expired'; // cannot be
  } catch (error) {
    return error instanceof LockLostError ? error.reason : String(error);
  }
}

/** pg answers with an object, mysql2 with a list of the rows and the columns. */
function valueIn(answer: unknown): number {
  const rows = Array.isArray(answer) ? answer[0] : (answer as { rows: unknown }).rows;
  return Number((rows as { value: unknown }[])[0]!.value);
}

function isBroken(choice: Plan['backend']): choice is BrokenChoice {
  return choice[0] === 'releases-unchecked' || choice[0] === 'restarts-tokens';
}

const orders = {
  block({ ms }: { ms: number }): void {
    for (const end = now() + ms; now() < end;);
  },
  end(): void {
    hasToEnd = true;
  },
};

process.on('message', (message: Order | { nr: number; value?: number }) => {
  if ('order' in message) return orders[message.order](message as { ms: number });
  const { nr, value } = message;
  answers.get(nr)?.(value);
  answers.delete(nr);
});

for (const event of ['uncaughtException', 'unhandledRejection'])
  process.on(event, (error: Error) => process.send!({ uncaught: `${event}: ${error?.stack ?? String(error)}` }));
process.on('warning', ({ name, stack = '' }) => {
  const isOfDriver = stack.includes('node_modules') && !stack.includes(LIBRARY);
  if (name !== 'NestlockWarning' && !isOfDriver) process.send!({ uncaught: stack });
});

/** Who has started us is gone. */
function abandoned(): void {
  process.exit(1);
}

process.on('disconnect', abandoned);
onStandstill((interval) => write({ what: 'stood', member, ...interval }));

/** It ends by itself, if nothing is left. */
async function main(): Promise<void> {
  await locks.open();
  process.send!({});
  await Promise.all(Array.from({ length: plan.callers }, call));
  await locks.close();
  process.off('disconnect', abandoned);
  process.disconnect();
}

void main();
