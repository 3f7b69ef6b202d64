import assert from 'node:assert/strict';
import type { LockService } from '../../core/lock-service';
import type { CaseScript, Scene } from './scene';

/** @internal One holder at a time, and who may end its hold. */
export const exclusionCases: readonly CaseScript[] = [
  {
    name: 'a free lock is granted, and can be had again after its release',
    needs: ['acquire'],
    async play(scene) {
      const backend = await scene.connect();
      for (let i = 0; i < 3; i++) {
        const asking = scene.ask(backend, { wait: i > 0 });
        const grant = await scene.granted(asking);
        assert.equal(typeof grant.fence, 'bigint');
        assert.ok(grant.fence > 0n, `expected a positive token, got ${grant.fence}`);
        assert.ok(grant.validUntil > scene.now(backend), 'expected the grant to be valid when it comes');
        assert.equal(asking.contended, 0, 'expected no word of waiting for a lock that is free');
        await scene.free(grant);
      }
    },
  },
  {
    name: 'a held lock is refused with null to a claim that does not wait',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const grant = await scene.get(a!);
      await scene.refused(b!);
      await scene.refused(a!);
      await scene.free(grant);
      await scene.free(await scene.get(b!));
    },
  },
  {
    name: 'a refused claim leaves nothing in the line',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const grant = await scene.get(a!);
      for (let i = 0; i < 5; i++) await scene.refused(b!);
      await scene.free(grant);
      await scene.free(await scene.get(a!));
    },
  },
  {
    name: 'a release after an error frees the lock as well',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const grant = await scene.get(a!);
      assert.equal(await scene.settle(grant.release({ error: new Error('the body failed') })), 'released');
      await scene.free(await scene.get(b!));
    },
  },
  {
    name: 'release is idempotent, and a second one does not free the next holder',
    needs: ['acquire'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const first = await scene.get(a!);
      await scene.free(first, first);
      const second = await scene.get(b!);
      await scene.free(first);
      await scene.refused(c!);
      await scene.free(second);
    },
  },
  {
    name: 'two releases at once give the same answer',
    needs: ['acquire'],
    async play(scene) {
      const backend = await scene.connect();
      const grant = await scene.get(backend);
      const answers = await scene.settle(Promise.all([grant.release({ ok: true }), grant.release({ ok: true })]));
      assert.deepEqual(answers, ['released', 'released']);
    },
  },
  {
    name: 'acquire is idempotent for the holder: asked again it has the same lock, once',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const asking = scene.ask(a!, { wait: false });
      const first = await scene.granted(asking);
      const again = await scene.get(a!, { holder: asking.claim.holder });
      assert.ok(again.fence >= first.fence, `expected a token of at least ${first.fence}, got ${again.fence}`);
      await scene.refused(b!);
      await scene.free(again);
      await scene.free(await scene.get(b!));
    },
  },
  {
    name: 'locks of different keys do not touch each other',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const [first, second] = [
        await scene.get(a!, { key: scene.keyOf('1') }),
        await scene.get(b!, { key: scene.keyOf('2') }),
      ];
      const waiting = await scene.line(b!, { key: scene.keyOf('1') });
      const third = await scene.get(a!, { key: scene.keyOf('3') });
      await scene.free(second, third);
      await scene.waits(waiting);
      await scene.free(first, waiting);
    },
  },
  {
    name: 'a counter without atomicity loses no update to many callers of several processes',
    needs: ['acquire'],
    async play(scene) {
      const services = await scene.services(3);
      await countTogether(scene, services, 15, (service, body) => service.run(scene.key, body));
    },
  },
  {
    name: 'the same without local hand-off',
    needs: ['acquire'],
    async play(scene) {
      const services = await scene.services(3, { maxLocalHandoffs: 0 });
      await countTogether(scene, services, 6, (service, body) => service.run(scene.key, body));
    },
  },
  {
    name: 'several keys in opposite orders end in no deadlock',
    needs: ['acquire'],
    async play(scene) {
      const services = await scene.services(3);
      const [x, y, z] = ['x', 'y', 'z'].map((suffix) => scene.keyOf(suffix));
      const orders = [
        [x!, y!],
        [y!, x!],
        [z!, y!, x!],
      ];
      await countTogether(scene, services, 6, (service, body, i) => service.run(orders[i % orders.length]!, body));
    },
  },
  {
    name: 'tryAcquire says null while another process holds the lock, and nobody is hurt by a body that throws',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.services(2);
      const failure = new Error('the body failed');
      const run = a!.run(scene.key, async () => {
        assert.equal(await b!.tryAcquire(scene.key), null);
        throw failure;
      });
      assert.equal(await scene.settle(run.catch((error: unknown) => error)), failure);
      const lock = await scene.settle(b!.tryAcquire(scene.key));
      assert.ok(lock?.held, 'expected the lock to be free after the body had thrown');
      await scene.settle(lock.release());
    },
  },
];

/** Many read, pause and write the same number: exact only if one is inside at a time. */
async function countTogether(
  scene: Scene,
  services: readonly LockService[],
  callers: number,
  lock: (service: LockService, body: () => Promise<void>, i: number) => Promise<void>,
): Promise<void> {
  let count = 0;
  const body = async (): Promise<void> => {
    const seen = count;
    await scene.pause();
    await scene.pause();
    count = seen + 1;
  };
  const calls = services.flatMap((service) => Array.from({ length: callers }, (_, i) => lock(service, body, i)));
  await scene.settleAll(calls, `${calls.length} callers`);
  assert.equal(count, calls.length, 'expected no update to be lost');
}
