import assert from 'node:assert/strict';
import type { CaseScript } from './scene';

/** @internal Holders that are gone, and holders that do not know yet that they are no longer. */
export const expiryCases: readonly CaseScript[] = [
  {
    name: 'a lock that is not renewed goes to the next when its time is up, not earlier',
    needs: ['acquire', 'leases'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const since = scene.now(a!);
      const lapsed = await scene.get(a!, { ttl: scene.ttl });
      const next = await scene.granted(scene.ask(b!));
      const now = scene.now(a!);
      assert.ok(now - since > scene.ttl * 0.95, `expected it to be held for ${scene.ttl} ms, not for ${now - since}`);
      assert.ok(
        now >= lapsed.validUntil,
        `expected nobody to get it before ${lapsed.validUntil}, but at ${now} somebody did`,
      );
      await scene.free(next);
    },
  },
  {
    name: 'a claim that does not wait gets a lock whose time is up',
    needs: ['acquire', 'leases'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const lapsed = await scene.get(a!, { ttl: scene.ttl });
      await scene.harness.advance(scene.ttl * 1.1);
      await scene.free(await scene.get(b!));
      await scene.gone(a!, lapsed);
    },
  },
  {
    name: 'the new holder can release, the old one is told that it lost and frees nothing',
    needs: ['acquire', 'leases'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const old = await scene.get(a!, { ttl: scene.ttl });
      const current = await scene.granted(scene.ask(b!));
      for (let i = 0; i < 2; i++) {
        await scene.gone(a!, old);
        await scene.refused(c!);
      }
      await scene.free(current);
      await scene.free(await scene.get(c!));
    },
  },
  {
    name: 'the same within one process',
    needs: ['acquire', 'leases'],
    async play(scene) {
      const backend = await scene.connect();
      const old = await scene.get(backend, { ttl: scene.ttl });
      const current = await scene.granted(scene.ask(backend));
      await scene.gone(backend, old, { error: new Error('the body failed') });
      await scene.refused(backend);
      await scene.free(current);
    },
  },
  {
    name: 'what a late renewal says of a lock that nobody has taken meanwhile is true',
    needs: ['acquire', 'leases'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const late = await scene.get(a!, { ttl: scene.ttl });
      await scene.harness.advance(scene.ttl * 1.1);
      const [answer] = await scene.renew(a!, [late]);
      if (answer === null) return scene.free(await scene.get(b!));
      assert.equal(typeof answer, 'number');
      await scene.refused(b!);
      return scene.free(late);
    },
  },
  {
    name: 'a waiting claim passes on to the next when the one that was served dies',
    needs: ['acquire', 'leases', 'fifo'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const grant = await scene.get(a!);
      const dying = await scene.line(b!, { ttl: scene.ttl });
      const last = await scene.line(c!);
      await scene.free(grant);
      await scene.granted(dying);
      await scene.free(last);
    },
  },
  {
    name: 'when a holder dies the lock goes to the next',
    needs: ['acquire'],
    async play(scene) {
      const { backend, cut } = await scene.harness.connectCuttable();
      const next = await scene.connect();
      await scene.get(await scene.open(backend), { ttl: scene.ttl });
      const waiting = await scene.line(next);
      await cut();
      await scene.free(waiting);
    },
  },
  {
    name: 'when one who waits dies the others go on',
    needs: ['acquire'],
    async play(scene) {
      const { backend, cut } = await scene.harness.connectCuttable();
      const [a, b] = await scene.connectAll(2);
      const grant = await scene.get(a!);
      await scene.open(backend);
      const dying = await scene.line(backend, { ttl: scene.ttl });
      const waiting = await scene.line(b!);
      await cut();
      await scene.harness.advance(scene.ttl / 10);
      await scene.free(grant);
      await scene.free(waiting);
      dying.abort(new Error('dead'));
    },
  },
  {
    name: 'a holder that is cut off knows of its loss before another gets the lock',
    needs: ['acquire'],
    async play(scene) {
      const { backend, cut } = await scene.harness.connectCuttable();
      const [cutOff, other] = [
        await scene.service({ backend: await scene.open(backend), ttl: scene.ttl }),
        await scene.service({ ttl: scene.ttl }),
      ];
      const lock = await scene.settle(cutOff.acquire(scene.key));
      const { signal } = lock;
      await cut();
      let knew: boolean | undefined;
      const taken = other.acquire(scene.key).then((theirs) => {
        knew = !lock.held;
        return theirs.release();
      });
      await scene.settle(taken, 'the other process');
      assert.equal(knew, true, 'expected the old lock not to be held when the new one was');
      assert.ok(signal.aborted, 'expected the signal to have aborted');
      await scene.settle(lock.release(), 'the release of a lock that is lost');
    },
  },
  {
    name: 'a lock of a session lasts as long as the session does',
    needs: ['acquire'],
    lacks: 'leases',
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const grant = await scene.get(a!, { ttl: scene.ttl });
      const waiting = await scene.line(b!);
      for (let i = 0; i < 10; i++) {
        await scene.harness.advance(scene.ttl / 4);
        const [answer] = await scene.renew(a!, [grant]);
        assert.equal(typeof answer, 'number', `expected the session to be proven, got ${answer}`);
      }
      await scene.waits(waiting);
      await scene.free(grant, waiting);
    },
  },
];
