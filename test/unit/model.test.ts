import fc from 'fast-check';
import { memoryBackend } from '../../lib/backends/memory/memory.backend';
import { LockTimeoutError } from '../../lib/core/errors';
import type { Lock } from '../../lib/core/lock';
import { LockService } from '../../lib/core/lock-service';
import { FakeClock } from '../../lib/testing/fake-clock';

/** One step of a random program for two processes and two keys. */
type Step =
  | {
      do: 'run';
      process: 0 | 1;
      keys: readonly string[];
      permits: number;
      lasts: number;
      waitTimeout: number;
      stalls: number;
    }
  | { do: 'try'; process: 0 | 1; keys: readonly string[]; permits: number; lasts: number }
  | { do: 'abort'; call: number }
  | { do: 'pass'; ms: number };

const TTL = 1_000;
const EXCLUSIVE = 0;

const process = fc.constantFrom(0 as const, 1 as const);
const keys = fc.constantFrom(['a'], ['b'], ['b', 'a']);
const permits = fc.constantFrom(EXCLUSIVE, EXCLUSIVE, 1, 2, Infinity);
const lasts = fc.constantFrom(0, 1, 50, 700, 2_500);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('run' as const), process, keys, permits, lasts, waitTimeout: fc.constantFrom(0, 30, 3_000, Infinity), stalls: fc.constantFrom(0, 0, 0, 0, 5_000) }) }, // prettier-ignore
  { weight: 2, arbitrary: fc.record({ do: fc.constant('try' as const), process, keys, permits, lasts }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), call: fc.nat(30) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 40, 400, 1_500) }) },
);

/** What a caller has, as far as it may believe it itself. */
interface Held {
  readonly lock: Lock;
  readonly keys: readonly string[];
  readonly permits: number;
}

class World {
  readonly clock = new FakeClock();
  readonly backend = memoryBackend({ clock: this.clock });
  readonly services = [0, 1].map(() => new LockService({ backend: this.backend, ttl: TTL, maxLocalHandoffs: 3 }));
  readonly held = new Set<Held>();
  readonly failures: unknown[] = [];
  readonly calls: { aborts: AbortController; ended: boolean }[] = [];
  /** By process and key: the calls in the order of their arrival, and in that of their start. */
  readonly #arrived = new Map<string, number[]>();
  readonly #started = new Map<string, number[]>();
  readonly #lastToken = new Map<string, bigint>();

  async play(program: readonly Step[]): Promise<void> {
    for (const step of program) {
      if (step.do === 'pass') await this.clock.advance(step.ms);
      else if (step.do === 'abort') this.calls[step.call]?.aborts.abort(new Error('changed my mind'));
      else this.#call(step);
      this.check();
    }
    for (let i = 0; i < 200 && this.calls.some(({ ended }) => !ended); i++) await this.clock.advance(TTL);
    await this.clock.advance(2 * TTL);
  }

  #call(step: Extract<Step, { keys: readonly string[] }>): void {
    const number = this.calls.length;
    const call = { aborts: new AbortController(), ended: false };
    this.calls.push(call);
    const service = this.services[step.process]!;
    const options = { ...(step.permits !== EXCLUSIVE && modeOf(step.permits)), signal: call.aborts.signal };
    const waits = step.do === 'run' && step.waitTimeout > 0 && step.keys.length === 1;
    const line = `${step.process}${step.keys.join()}`;
    if (waits) push(this.#arrived, line, number);
    const body = async (lock: Lock): Promise<void> => {
      if (waits) push(this.#started, line, number);
      const held = { lock, keys: step.keys, permits: step.permits };
      this.held.add(held);
      this.#checkTokens(held);
      this.check();
      if (step.do === 'run' && step.stalls > 0) this.clock.stall(step.stalls);
      this.check();
      await new Promise<void>((resolve) => this.clock.setTimeout(resolve, step.lasts));
      this.check();
      this.held.delete(held);
    };
    const outcome =
      step.do === 'run'
        ? service.run(step.keys, body, { ...options, waitTimeout: step.waitTimeout })
        : service.tryAcquire(step.keys, options).then((lock) => lock && body(lock).then(() => lock.release()));
    outcome
      .catch((error: Error & { code?: string }) => {
        if (error.message === 'changed my mind' || error instanceof LockTimeoutError) return;
        if (error.code !== 'LOCK_LOST') this.failures.push(error);
      })
      .finally(() => (call.ended = true));
  }

  /** Whoever believes to hold a lock holds it alone, or together with those who may. */
  check(): void {
    for (const key of ['a', 'b']) {
      const holders = [...this.held].filter(({ keys, lock }) => keys.includes(key) && lock.held);
      if (holders.some(({ permits }) => permits === EXCLUSIVE)) expect(holders).toHaveLength(1);
      for (const { permits } of holders) if (permits > 0) expect(holders.length).toBeLessThanOrEqual(permits);
    }
  }

  #checkTokens({ lock, keys, permits }: Held): void {
    for (const key of keys) {
      const token = lock.fencingTokens.get(key)!;
      const last = this.#lastToken.get(key) ?? 0n;
      if (lock.held) expect(token > last).toBe(true);
      if (permits === EXCLUSIVE && token > last) this.#lastToken.set(key, token);
    }
  }

  /** First come, first served, within each process. */
  checkOrder(): void {
    for (const [line, started] of this.#started) {
      const arrived = this.#arrived.get(line)!.filter((call) => started.includes(call));
      expect(started).toEqual(arrived);
    }
  }
}

function modeOf(permits: number) {
  return permits === Infinity ? { mode: 'shared' as const } : { permits };
}

function push(lists: Map<string, number[]>, name: string, value: number): void {
  lists.set(name, [...(lists.get(name) ?? []), value]);
}

test('random programs of two processes: exclusive, fenced, in order, and all of it ends', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (program) => {
      const world = new World();
      await world.play(program);
      expect(world.failures).toEqual([]);
      expect(world.calls.filter(({ ended }) => !ended)).toEqual([]);
      world.checkOrder();
      expect(world.held.size).toBe(0);
      expect(world.clock.pending).toBe(0);
      for (const service of world.services) {
        const [a, b] = [await service.tryAcquire('a'), await service.tryAcquire('b')];
        expect([a?.held, b?.held]).toEqual([true, true]);
        await a?.release();
        await b?.release();
      }
    }),
    { numRuns: 300 },
  );
}, 120_000);
