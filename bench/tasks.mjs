// What a process of a contender can be told to do. Times are in ms, on the clock that all processes share.
import { setTimeout as sleep } from 'node:timers/promises';
import { now } from './clock.mjs';

const tick = async () => {};
const forever = () => new Promise(() => {});

/** Takes and gives back free locks, one loop for each key. */
export async function cycle(lock, { keys, until }) {
  const started = now();
  let cycles = 0;
  const loop = async (key) => {
    for (; now() < until; cycles++) await lock.run(key, tick);
  };
  await Promise.all(keys.map(loop));
  return { rate: (cycles / (now() - started)) * 1e3 };
}

/**
 * Waiters that want the same lock, each once; with `until` again and again. At `giveUpAt` those that still wait are left
 * alone: the process is of no use any more then.
 */
export async function contend(lock, { key, waiters, sectionMs, until = 0, giveUpAt }) {
  const sections = [];
  const failures = [];
  const waiting = new Map();
  const served = new Set();

  const ask = async (waiter) => {
    const asked = now();
    waiting.set(waiter, asked);
    await lock.run(key, async () => {
      const entered = now();
      waiting.delete(waiter);
      if (entered < until) served.add(waiter);
      await (sectionMs > 0 ? sleep(sectionMs) : tick());
      sections.push({ entered, left: now(), waited: entered - asked });
    });
  };
  const loop = async (waiter) => {
    try {
      do await ask(waiter);
      while (now() < until);
    } catch (error) {
      const waited = waiting.has(waiter) ? now() - waiting.get(waiter) : 0; // 0: it had its turn, and failed to release
      waiting.delete(waiter);
      failures.push({ error: String(error), waited });
    }
  };

  const started = now();
  const all = Promise.all(Array.from({ length: waiters }, (_, waiter) => loop(waiter)));
  await Promise.race([all, sleep(giveUpAt - started, undefined, { ref: false })]);
  const unserved = [...waiting.values()].map((asked) => now() - asked);
  return { started, sections, unserved, failures, starved: waiters - served.size };
}

const held = [];

/** Takes locks and keeps them for good. */
export async function hold(lock, { keys }) {
  const take = (key) =>
    new Promise((taken, failed) => {
      const section = (handle) => (held.push(handle), taken(), forever());
      lock.run(key, section).catch(failed);
    });
  for (let i = 0; i < keys.length; i += 100) await Promise.all(keys.slice(i, i + 100).map(take));
}

let failedWaiters = 0;

/** Callers that wait for a lock in vain. */
export function wait(lock, { key, waiters }) {
  for (let i = 0; i < waiters; i++) lock.run(key, forever).catch(() => failedWaiters++);
}

/** Lets time go by, for the commands to be counted that are sent meanwhile. */
export async function idle(_lock, { ms }) {
  await sleep(ms);
  return { failedWaiters, lost: held.filter((handle) => handle?.held === false).length };
}
