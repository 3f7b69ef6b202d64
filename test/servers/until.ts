import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again and again until the answer is truthy, and resolves to it. A question that fails is asked again, too.
 * @throws Error when `timeout` ms have not been enough
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  timeout = 30_000,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + timeout;
  for (;;) {
    let cause: unknown;
    try {
      const answer = await ask();
      if (answer) return answer as Exclude<T, false | null | undefined>;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`Waited ${timeout} ms for this, in vain: ${what}${cause ? ` (${String(cause)})` : ''}`, {
        cause,
      });
    }
    await sleep(20);
  }
}
