import assert from 'node:assert/strict';
import type { Grant, LockBackend } from '../../core/backend';
import { LockUnavailableError } from '../../core/errors';
import type { CaseScript, Scene } from './scene';

/** @internal A store that does not answer says nothing about who holds the lock. */
export const unavailableCases: readonly CaseScript[] = [
  {
    name: 'a store that does not answer is unavailable, not busy',
    async play(scene) {
      const backend = await scene.open(await scene.harness.unreachable());
      for (const wait of [true, false]) {
        const asking = scene.ask(backend, { wait });
        await scene.rejects(asking.result, LockUnavailableError, String(asking));
        assert.equal(asking.contended, 0, 'expected no word of waiting from a store that does not answer');
      }
    },
  },
  {
    name: 'opening a backend whose store does not answer gives a warning, not an error',
    async play(scene) {
      const backend = await scene.harness.unreachable();
      if (!backend.open) return;
      const warning = await scene.settle(backend.open(), 'open()');
      await scene.quietly([(async () => backend.close?.())()]);
      assert.equal(typeof warning, 'string', `expected open() to resolve with a warning, got ${String(warning)}`);
    },
  },
  {
    name: 'an aborted claim does not wait for a store that does not answer',
    async play(scene) {
      const backend = await scene.open(await scene.harness.unreachable());
      const reason = new Error('changed my mind');
      const asking = scene.ask(backend);
      asking.abort(reason);
      assert.equal(
        await scene.settle(
          asking.result.catch((error: unknown) => error),
          'the aborted claim',
          1,
        ),
        reason,
      );
    },
  },
  {
    name: 'callers get LockUnavailableError though their own patience is shorter, and their body is not run',
    async play(scene) {
      const backend = await scene.open(await scene.harness.unreachable());
      const service = await scene.service({ backend, waitTimeout: 1 });
      const body = (): never => assert.fail('expected the body not to be run');
      await scene.rejects(service.run(scene.key, body), LockUnavailableError, 'run()');
      await scene.rejects(service.run(scene.key, body, { waitTimeout: 0 }), LockUnavailableError, 'run()');
    },
  },
  {
    name: 'acquire and tryAcquire get LockUnavailableError from a store that does not answer',
    needs: ['acquire'],
    async play(scene) {
      const backend = await scene.open(await scene.harness.unreachable());
      const service = await scene.service({ backend, waitTimeout: 1 });
      await scene.rejects(service.acquire(scene.key), LockUnavailableError, 'acquire()');
      await scene.rejects(service.tryAcquire(scene.key), LockUnavailableError, 'tryAcquire()');
    },
  },
  {
    name: 'a renewal that is not answered is unknown, not lost',
    needs: ['acquire'],
    async play(scene) {
      const { backend, grants, lost } = await cutWhileHeld(scene, 2);
      const unknown = grants.map(() => undefined); // what a rejection comes to
      const answers = await scene.settle(
        backend.renew(grants).catch(() => unknown),
        'renew()',
      );
      assert.equal(answers.length, grants.length);
      for (const [i, answer] of answers.entries()) {
        // A session that has ended is an answer.
        if (lost.has(grants[i]!)) assert.ok(answer == null, `expected no renewal, got ${answer}`);
        else assert.equal(answer, undefined, `expected undefined, got ${answer}`);
      }
    },
  },
  {
    name: 'a release that is not answered rejects, a claim is unavailable',
    needs: ['acquire'],
    async play(scene) {
      const { backend, grants, lost } = await cutWhileHeld(scene, 1);
      const asking = scene.ask(backend, { key: scene.keyOf('another') });
      await scene.rejects(asking.result, LockUnavailableError, String(asking));
      const release = grants[0]!.release({ ok: true }).catch(() => 'rejected');
      const answer = await scene.settle(release, 'release()');
      const expected = lost.has(grants[0]!) ? ['rejected', 'lost'] : ['rejected'];
      assert.ok(expected.includes(answer), `expected ${expected.join(' or ')}, got ${answer}`);
    },
  },
];

interface Cut {
  readonly backend: LockBackend;
  readonly grants: readonly Grant[];
  /** Those of them that the backend has said to be lost. */
  readonly lost: ReadonlySet<Grant>;
}

/** A backend that got locks and was then cut off. */
async function cutWhileHeld(scene: Scene, count: number): Promise<Cut> {
  const { backend, cut } = await scene.harness.connectCuttable();
  await scene.open(backend);
  const grants: Grant[] = [];
  const lost = new Set<Grant>();
  for (let i = 0; i < count; i++) {
    const grant = await scene.get(backend, { key: scene.keyOf(`-${i}`), ttl: scene.ttl });
    grant.whenLost?.(() => lost.add(grant));
    grants.push(grant);
  }
  await cut();
  return { backend, grants, lost };
}
