import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { redisBackend } from '../../lib/backends/redis';
import { LockLostError } from '../../lib/core/errors';
import type { Lock } from '../../lib/core/lock';
import { LockService } from '../../lib/core/lock-service';
import { until } from '../servers/until';
import type { RedisPlace } from './redis-harness';

/** In ms: longer than a failover takes. */
const TTL = 6_000;

/**
 * One holds a lock and two wait for it, each in a process of its own, while another server becomes the primary. The holder
 * keeps the lock, or is told that it has lost it; then the others get it, one after the other, with greater tokens.
 * (A rejection that nobody handles fails a test anyway.)
 */
export async function holdThrough(place: RedisPlace, failover: () => Promise<unknown>): Promise<void> {
  const processes = [1, 2, 3].map(() => {
    const backend = redisBackend({ commandTimeout: '30s', ...place.reach((server) => server) });
    return new LockService({ backend, prefix: '', ttl: TTL, waitTimeout: Infinity, shutdownTimeout: 0 });
  });
  const key = `failover:${process.hrtime.bigint()}`;
  const locks: Lock[] = [];
  const enter = (lock: Lock): void => {
    assert.ok(!locks.some(({ held }) => held), 'expected nobody else to hold the lock');
    locks.push(lock);
  };
  try {
    const [first, ...others] = processes;
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const holding = first!.run(key, async (lock) => {
      enter(lock);
      await finished;
      lock.assertHeld();
    });
    const told = holding.then(
      () => 'kept',
      (error: unknown) => error,
    );
    await until('the first holder', () => locks.length === 1);
    const waiting = others.map((each) => each.run(key, async (lock) => enter(lock)));
    await sleep(200);

    await failover();
    await sleep(TTL / 2); // a renewal, and a question of those who wait
    const kept = locks[0]!.held;
    finish();
    const outcome = await told;
    assert.ok(
      kept ? outcome === 'kept' : outcome instanceof LockLostError,
      `expected the truth, got ${String(outcome)}`,
    );
    await Promise.all(waiting);
    const tokens = locks.map(({ fencingToken }) => fencingToken);
    assert.equal(tokens.length, 3);
    assert.ok(tokens[0]! < tokens[1]! && tokens[1]! < tokens[2]!, `expected tokens to increase, got ${tokens}`);
  } finally {
    await Promise.all(processes.map((each) => each.close()));
  }
}
