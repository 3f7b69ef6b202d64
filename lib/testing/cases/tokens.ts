import assert from 'node:assert/strict';
import type { Grant } from '../../core/backend';
import type { CaseScript } from './scene';

/** @internal Fencing tokens: strictly greater from one exclusive holder to the next, whatever happens in between. */
export const tokenCases: readonly CaseScript[] = [
  {
    name: 'tokens increase from holder to holder, process to process and start to start',
    needs: ['acquire'],
    async play(scene) {
      const grants: Grant[] = [];
      for (let i = 0; i < 3; i++) {
        for (const backend of await scene.connectAll(2)) {
          grants.push(await scene.get(backend));
          await scene.free(grants.at(-1)!);
        }
      }
      assertIncreasing(grants);
    },
  },
  {
    name: 'tokens increase along the line',
    needs: ['acquire'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const first = await scene.get(a!, { fences: 5 });
      const [second, third] = [await scene.line(b!, { fences: 5 }), await scene.line(c!)];
      await scene.free(first);
      const next = await scene.first([second, third]);
      const last = next === second ? third : second;
      await scene.free(next, last);
      assertIncreasing([first, await scene.granted(next), await scene.granted(last)]);
    },
  },
  {
    name: 'tokens increase over a holder whose time ran out',
    needs: ['acquire', 'leases'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const lapsed = await scene.get(a!, { ttl: scene.ttl, fences: 5 });
      const next = await scene.granted(scene.ask(b!));
      await scene.free(next);
      const last = await scene.get(a!);
      await scene.free(last);
      assertIncreasing([lapsed, next, last]);
    },
  },
  {
    name: 'tokens increase over abandoned claims',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const grants: Grant[] = [];
      for (let i = 0; i < 4; i++) {
        const asking = scene.ask(a!, { fences: 3 });
        for (let pauses = 0; pauses < i; pauses++) await scene.pause();
        asking.abort(new Error('changed my mind'));
        const abandoned = await scene.settle(asking.result.catch(() => null));
        if (abandoned) grants.push(abandoned);
        if (abandoned) await scene.free(abandoned);
        grants.push(await scene.granted(scene.ask(b!)));
        await scene.free(grants.at(-1)!);
      }
      assertIncreasing(grants);
    },
  },
  {
    name: 'a block of tokens belongs to its grant alone',
    needs: ['acquire', 'handoff'],
    async play(scene) {
      const backends = await scene.connectAll(2);
      const grants: Grant[] = [];
      for (const fences of [5, 1, 33, 2, 1]) {
        const grant = await scene.get(backends[grants.length % 2]!, { fences });
        assert.ok(grant.fences >= 1 && grant.fences <= fences, `expected 1 to ${fences} tokens, got ${grant.fences}`);
        assert.ok(fences === 1 || grant.fences > 1, `expected a block of tokens, got ${grant.fences}`);
        grants.push(grant);
        await scene.free(grant);
      }
      assertIncreasing(grants);
    },
  },
  {
    name: 'without hand-off a grant has one token, however many are asked for',
    needs: ['acquire'],
    lacks: 'handoff',
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const first = await scene.get(a!, { fences: 5 });
      assert.equal(first.fences, 1);
      await scene.free(first);
      const second = await scene.get(b!, { fences: 5 });
      assert.equal(second.fences, 1);
      await scene.free(second);
      assertIncreasing([first, second]);
    },
  },
  {
    name: 'a holder that asks again gets tokens that nobody else gets',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const asking = scene.ask(a!, { wait: false, fences: 5 });
      const first = await scene.granted(asking);
      const again = await scene.get(a!, { holder: asking.claim.holder, fences: 8 });
      await scene.free(again);
      const next = await scene.get(b!);
      await scene.free(next);
      assertIncreasing([first, next]);
      assertIncreasing([again, next]);
    },
  },
  {
    name: 'tokens increase over local hand-offs and processes that take turns',
    needs: ['acquire'],
    async play(scene) {
      const services = await scene.services(3, { maxLocalHandoffs: 4 });
      const tokens: bigint[] = [];
      const calls = services.flatMap((service) =>
        Array.from({ length: 12 }, () => service.run(scene.key, (lock) => void tokens.push(lock.fencingToken))),
      );
      await scene.settleAll(calls, 'all callers');
      assert.equal(tokens.length, calls.length);
      tokens.reduce(
        (last, token) => (assert.ok(token > last, `expected a token greater than ${last}, got ${token}`), token),
      );
    },
  },
  {
    name: 'tokens of shared holders lie between those of the exclusive ones before and after',
    needs: ['acquire', 'shared'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const before = await scene.get(a!, { fences: 3 });
      await scene.free(before);
      const readers = [await scene.get(a!, { mode: 'shared' }), await scene.get(b!, { mode: 'shared' })];
      await scene.free(...readers);
      const after = await scene.get(b!);
      await scene.free(after);
      for (const reader of readers) assertIncreasing([before, reader, after]);
    },
  },
];

function assertIncreasing(grants: readonly Grant[]): void {
  grants.reduce((before, grant) => {
    const last = before.fence + BigInt(before.fences) - 1n;
    assert.ok(grant.fence > last, `expected a token greater than ${last}, got ${grant.fence}`);
    return grant;
  });
}
