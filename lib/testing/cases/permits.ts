import assert from 'node:assert/strict';
import { LockConfigError } from '../../core/errors';
import type { CaseScript } from './scene';

/** @internal Semaphores: shared holders up to a number. */
export const permitCases: readonly CaseScript[] = [
  {
    name: 'as many holders as there are permits, and the next when one leaves',
    needs: ['acquire', 'shared', 'permits'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const holders = [];
      for (const backend of [a!, b!, a!]) holders.push(await scene.get(backend, { permits: 3 }));
      await scene.refused(b!, { permits: 3 });
      const waiting = await scene.line(a!, { permits: 3 });
      await scene.free(holders[1]!);
      const fourth = await scene.granted(waiting);
      await scene.refused(b!, { permits: 3 });
      await scene.free(holders[0]!, holders[2]!, fourth);
    },
  },
  {
    name: 'the smallest permits among holders and claim counts',
    needs: ['acquire', 'shared', 'permits'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const strict = await scene.get(a!, { permits: 2 });
      const lax = await scene.get(b!, { permits: 5 });
      await scene.refused(a!, { permits: 5 });
      await scene.refused(a!, { mode: 'shared' });
      await scene.free(strict);
      const unlimited = await scene.get(a!, { mode: 'shared' });
      await scene.refused(b!, { permits: 2 });
      const third = await scene.get(b!, { permits: 5 });
      await scene.free(unlimited, third, lax);
    },
  },
  {
    name: 'a single permit is one holder',
    needs: ['acquire', 'shared', 'permits'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const first = await scene.get(a!, { permits: 1 });
      await scene.refused(b!, { permits: 1 });
      await scene.refused(b!, { mode: 'shared' });
      const waiting = await scene.line(b!, { permits: 1 });
      await scene.free(first, waiting);
    },
  },
  {
    name: 'an exclusive claim waits for all permits to come back',
    needs: ['acquire', 'shared', 'permits'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const holders = [await scene.get(a!, { permits: 3 }), await scene.get(a!, { permits: 3 })];
      const writer = await scene.line(b!);
      await scene.free(holders[0]!);
      await scene.waits(writer);
      await scene.free(holders[1]!);
      const grant = await scene.granted(writer);
      await scene.refused(a!, { permits: 3 });
      await scene.free(grant);
    },
  },
  {
    name: 'a holder that asks again uses one permit',
    needs: ['acquire', 'shared', 'permits'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const asking = scene.ask(a!, { permits: 2, wait: false });
      await scene.granted(asking);
      const again = await scene.get(a!, { permits: 2, holder: asking.claim.holder });
      const other = await scene.granted(scene.ask(b!, { permits: 2 })); // a second place may be given up just now
      await scene.refused(b!, { permits: 2 });
      await scene.free(again);
      await scene.free(await scene.get(b!, { permits: 2 }), other);
    },
  },
  {
    name: 'permits of holders that died come back',
    needs: ['acquire', 'shared', 'permits', 'leases'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      await scene.get(a!, { permits: 2, ttl: scene.ttl });
      await scene.get(a!, { permits: 2, ttl: scene.ttl });
      const [third, fourth] = [
        await scene.granted(scene.ask(b!, { permits: 2 })),
        await scene.granted(scene.ask(b!, { permits: 2 })),
      ];
      await scene.refused(a!, { permits: 2 });
      await scene.free(third, fourth);
    },
  },
  {
    name: 'never more callers inside than there are permits, over several processes',
    needs: ['acquire', 'shared', 'permits'],
    async play(scene) {
      const services = await scene.services(3);
      let inside = 0;
      const body = async (): Promise<void> => {
        assert.ok(++inside <= 3, `expected at most 3 inside, got ${inside}`);
        for (let n = 0; n < 3; n++) await scene.pause();
        inside--;
      };
      const calls = services.flatMap((service) =>
        Array.from({ length: 8 }, () => service.run(scene.key, body, { permits: 3 })),
      );
      await scene.settleAll(calls, 'all callers');
    },
  },
  {
    name: 'a claim with permits is refused with LockConfigError before anything is asked',
    lacks: 'permits',
    async play(scene) {
      for (const backend of [await scene.connect(), await scene.open(await scene.harness.unreachable())]) {
        for (const wait of [true, false]) {
          const asking = scene.ask(backend, { permits: 2, wait });
          await scene.rejects(asking.result, LockConfigError, String(asking));
        }
      }
    },
  },
];
