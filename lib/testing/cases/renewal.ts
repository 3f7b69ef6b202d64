import assert from 'node:assert/strict';
import { provableUntil } from '../../core/backend';
import type { Lock } from '../../core/lock';
import type { CaseScript } from './scene';

/** @internal Renewal: more time for those who hold the lock, none for those who do not. */
export const renewalCases: readonly CaseScript[] = [
  {
    name: 'a grant is never said to be valid for longer than its ttl less the margin',
    needs: ['acquire', 'leases'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const notLater = (validUntil: number, what: string): void => {
        const latest = provableUntil(scene.now(b!), scene.ttl);
        assert.ok(validUntil <= latest, `expected ${what} to be valid until ${latest} at most, got ${validUntil}`);
      };
      const grant = await scene.get(a!);
      const waiting = await scene.line(b!, { ttl: scene.ttl });
      await scene.harness.advance(scene.ttl / 2);
      const release = grant.release({ ok: true });
      const next = await scene.granted(waiting);
      notLater(next.validUntil, 'a grant');
      assert.equal(await scene.settle(release), 'released');
      const [renewed] = await scene.renew(b!, [next]);
      notLater(renewed!, 'a renewed grant');
      await scene.free(next);
    },
  },
  {
    name: 'a lock that is renewed outlives its ttl',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const grant = await scene.get(a!, { ttl: scene.ttl });
      let { validUntil } = grant;
      for (let i = 0; i < 12; i++) {
        await scene.harness.advance(scene.ttl / 6);
        const [renewed] = await scene.renew(a!, [grant]);
        assert.ok(renewed !== null && renewed !== undefined, `expected the lock to be renewed, got ${renewed}`);
        assert.ok(renewed >= validUntil, `expected it to be valid until ${validUntil} at least, got ${renewed}`);
        if (i % 3 === 0) await scene.refused(b!);
        validUntil = renewed;
      }
      assert.ok(validUntil >= grant.validUntil + scene.ttl, 'expected every renewal to count');
      await scene.free(grant);
    },
  },
  {
    name: 'many are renewed together and answered in their order',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const count = Math.min(120, scene.harness.maxHolds ?? 120);
      const keys = Array.from({ length: count }, (_, i) => scene.keyOf(`-${i}`));
      const grants = await scene.settleAll(
        keys.map((key) => scene.get(a!, { key })),
        'many claims',
      );
      const released = new Set([1, count - 1]);
      for (const i of released) await scene.free(grants[i]!);
      const answers = await scene.renew(a!, grants);
      for (const [i, answer] of answers.entries()) {
        if (released.has(i)) assert.equal(answer, null, `expected null for no. ${i}, which was released`);
        else assert.equal(typeof answer, 'number', `expected no. ${i} of ${count} to be renewed, got ${answer}`);
      }
      await scene.refused(b!, { key: keys[0]! });
      await scene.settleAll(
        grants.filter((_, i) => !released.has(i)).map((grant) => scene.free(grant)),
        'many releases',
      );
      assert.deepEqual(await scene.renew(a!, []), []);
    },
  },
  {
    name: 'lost, released and held locks in one renewal each get their own answer',
    needs: ['acquire', 'leases'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const [key1, key2, key3, key4] = ['1', '2', '3', '4'].map((suffix) => scene.keyOf(suffix));
      const lost = await scene.get(a!, { key: key1!, ttl: scene.ttl });
      const held = await scene.get(a!, { key: key2! });
      const released = await scene.get(a!, { key: key3! });
      const last = await scene.get(a!, { key: key4! });
      const theirs = await scene.granted(scene.ask(b!, { key: key1! }));
      await scene.free(released);
      const answers = await scene.renew(a!, [lost, held, released, last]);
      assert.deepEqual(
        answers.map((answer) => (answer === null ? null : typeof answer)),
        [null, 'number', null, 'number'],
      );
      await scene.free(held, last, theirs);
    },
  },
  {
    name: 'a renewal after the release says null and does not bring the lock back',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const grant = await scene.get(a!);
      await scene.free(grant);
      assert.deepEqual(await scene.renew(a!, [grant]), [null]);
      const next = await scene.get(b!);
      assert.deepEqual(await scene.renew(a!, [grant]), [null]);
      assert.equal(typeof (await scene.renew(b!, [next]))[0], 'number');
      await scene.free(next);
    },
  },
  {
    name: 'a renewal after the loss says null and does not bring the lock back',
    needs: ['acquire', 'leases'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const lost = await scene.get(a!, { ttl: scene.ttl });
      const theirs = await scene.granted(scene.ask(b!));
      assert.deepEqual(await scene.renew(a!, [lost]), [null]);
      await scene.refused(c!);
      await scene.free(theirs);
      assert.deepEqual(await scene.renew(a!, [lost]), [null]);
      await scene.free(await scene.get(c!));
    },
  },
  {
    name: 'a lock is kept for as long as its section runs',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.services(2, { ttl: scene.ttl });
      let held: Lock | undefined;
      let end = (): void => undefined;
      const body = (lock: Lock): Promise<void> => {
        held = lock;
        return new Promise((resolve) => (end = resolve));
      };
      const section = scene.later(a!.run(scene.key, body));
      await scene.until(() => held !== undefined, 'the section to begin');
      for (let i = 0; i < 8; i++) {
        await scene.harness.advance(scene.ttl / 4);
        assert.ok(held!.held, 'expected the lock to be held all the time');
        if (i % 3 === 0) assert.equal(await scene.settle(b!.tryAcquire(scene.key)), null);
      }
      end();
      await scene.settle(section, 'the section');
      const lock = await scene.settle(b!.tryAcquire(scene.key));
      assert.ok(lock, 'expected the lock to be free after the section');
      await scene.settle(lock.release());
    },
  },
];
