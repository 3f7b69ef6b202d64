import assert from 'node:assert/strict';
import type { Asking } from './asking';
import type { CaseScript, Scene } from './scene';

/** @internal Claims that are withdrawn: they end at once for the caller, and in the store as soon as possible. */
export const abortCases: readonly CaseScript[] = [
  {
    name: 'an already aborted signal never acquires, though the lock is free',
    needs: ['acquire'],
    async play(scene) {
      const service = await scene.service();
      const signal = AbortSignal.abort('too late');
      for (const call of ['acquire', 'tryAcquire'] as const) {
        const caught = service[call](scene.key, { signal }).catch((error: unknown) => error);
        assert.equal(await scene.settle(caught, call, 1), 'too late');
      }
    },
  },
  {
    name: 'a waiting claim that is aborted rejects promptly with the reason, and leaves the line',
    needs: ['acquire'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const grant = await scene.get(a!);
      const waiting = await scene.line(b!);
      await rejected(scene, waiting, 'any reason');
      await scene.refused(c!);
      await scene.free(grant);
      await scene.free(scene.ask(c!));
    },
  },
  {
    name: 'many aborted claims leave the lock to the next',
    needs: ['acquire'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const grant = await scene.get(a!);
      const crowd = Array.from({ length: Math.min(20, scene.harness.maxHolds ?? 20) }, () => scene.ask(b!));
      await scene.queued(crowd[0]!);
      for (const asking of crowd) asking.abort(new Error('changed my mind'));
      for (const asking of crowd) await assert.rejects(scene.settle(asking.result), /changed my mind/);
      const next = await scene.line(c!);
      await scene.free(grant, next);
    },
  },
  {
    name: 'a claim aborted on its way is put back if it was granted',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      for (const wait of [true, false]) {
        for (let pauses = 0; pauses < 4; pauses++) {
          const asking = scene.ask(a!, { wait });
          for (let i = 0; i < pauses; i++) await scene.pause();
          await abandoned(scene, asking);
          await scene.free(scene.ask(b!));
        }
      }
    },
  },
  {
    name: 'an abort that races with the grant is put back',
    needs: ['acquire'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      for (let pauses = 0; pauses < 6; pauses++) {
        const grant = await scene.granted(scene.ask(a!));
        const waiting = scene.ask(b!);
        await scene.until(() => waiting.contended > 0, 'the claim to wait');
        const release = grant.release({ ok: true });
        for (let i = 0; i < pauses; i++) await scene.pause();
        await abandoned(scene, waiting);
        assert.equal(await scene.settle(release), 'released');
        await scene.free(scene.ask(c!));
      }
    },
  },
  {
    name: 'an aborted claim that is first in the line passes the lock on',
    needs: ['acquire'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      for (let pauses = 0; pauses < 4; pauses++) {
        const grant = await scene.granted(scene.ask(a!));
        const [first, second] = [await scene.line(b!), await scene.line(c!)];
        const release = grant.release({ ok: true });
        for (let i = 0; i < pauses; i++) await scene.pause();
        await abandoned(scene, first);
        assert.equal(await scene.settle(release), 'released');
        await scene.free(second);
      }
    },
  },
  {
    name: 'a claim that is aborted while it is told that it waits neither waits nor holds',
    needs: ['acquire'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const grant = await scene.get(a!);
      const asking = scene.ask(b!, {}, (contended) => contended.abort('not like this'));
      const caught = asking.result.catch((error: unknown) => error);
      assert.equal(await scene.settle(caught, `${asking}, aborted,`), 'not like this');
      await scene.refused(c!);
      const next = await scene.line(b!);
      await scene.free(grant, next);
      await scene.free(scene.ask(c!));
    },
  },
  {
    name: 'an abort after the grant changes nothing',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const asking = scene.ask(a!);
      const grant = await scene.granted(asking);
      asking.abort(new Error('too late'));
      await scene.harness.advance(scene.ttl / 10);
      await scene.refused(b!);
      await scene.free(grant);
    },
  },
  {
    name: 'the signal of a caller who waits ends the call with its reason',
    needs: ['acquire'],
    async play(scene) {
      const holder = await scene.connect();
      const service = await scene.service();
      const grant = await scene.get(holder);
      const controller = new AbortController();
      const call = service.acquire(scene.key, { signal: controller.signal });
      const caught = call.catch((error: unknown) => error);
      await scene.harness.advance(scene.ttl / 10);
      controller.abort('the client has gone');
      assert.equal(await scene.settle(caught, 'the aborted call', 1), 'the client has gone');
      await scene.free(grant);
    },
  },
];

/** Aborts the claim and expects it to reject with just that reason, without waiting for anything else. */
async function rejected(scene: Scene, asking: Asking, reason: unknown): Promise<void> {
  asking.abort(reason);
  const result = asking.result.then(
    (grant) => assert.fail(`expected ${asking} to reject, got ${grant === null ? 'null' : 'a grant'}`),
    (error: unknown) => error,
  );
  assert.equal(await scene.settle(result, `${asking}, aborted,`, 1), reason);
}

/** Aborts a claim that may just have been granted or refused; a grant that came first is given back. */
async function abandoned(scene: Scene, asking: Asking): Promise<void> {
  const reason = new Error('changed my mind');
  asking.abort(reason);
  const result = asking.result.catch((error: unknown) => error);
  const outcome = await scene.settle(result, `${asking}, aborted,`, 1);
  if (outcome === reason || outcome === null) return;
  await scene.free(asking);
}
