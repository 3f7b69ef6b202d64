import assert from 'node:assert/strict';
import { LockTimeoutError } from '../../core/errors';
import type { Asking } from './asking';
import type { CaseScript } from './scene';

/** @internal The line for a lock that is held. */
export const waitingCases: readonly CaseScript[] = [
  {
    name: 'a claim that has to wait is told so, and granted when the holder releases',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const grant = await scene.get(a!);
      const waiting = await scene.line(b!);
      await scene.free(grant, waiting);
    },
  },
  {
    name: 'the claims of one process wait for each other as well',
    needs: ['acquire'],
    async play(scene) {
      const backend = await scene.connect();
      const grant = await scene.get(backend);
      const waiting = await scene.line(backend);
      await scene.free(grant, waiting);
    },
  },
  {
    name: 'first come, first served between processes',
    needs: ['acquire', 'fifo'],
    async play(scene) {
      const [holder, ...others] = await scene.connectAll(5);
      let grant = await scene.get(holder!);
      const line = [];
      for (const backend of others) line.push(await scene.line(backend));
      while (line.length > 0) {
        await scene.free(grant);
        grant = await scene.granted(line.shift()!);
        await scene.waits(...line);
      }
      await scene.free(grant);
    },
  },
  {
    name: 'everybody who waits is served, one at a time',
    needs: ['acquire'],
    async play(scene) {
      const [holder, ...others] = await scene.connectAll(4);
      let grant = await scene.get(holder!);
      const line = new Set<Asking>();
      for (const backend of others) line.add(await scene.line(backend));
      while (line.size > 0) {
        await scene.free(grant);
        const served = await scene.first([...line]);
        line.delete(served);
        await scene.waits(...line);
        grant = await scene.granted(served);
      }
      await scene.free(grant);
    },
  },
  {
    name: 'without an order between processes, whoever waits is served once nobody else comes',
    needs: ['acquire'],
    lacks: 'fifo',
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const grant = await scene.get(a!);
      const waiting = await scene.line(b!);
      await scene.free(grant);
      for (let i = 0; i < 5; i++) {
        const passing = await scene.settle(scene.ask(c!, { wait: false }).result);
        if (passing) await scene.free(passing);
      }
      await scene.free(waiting);
    },
  },
  {
    name: 'one who gives up in the middle of the line costs the others nothing',
    needs: ['acquire'],
    async play(scene) {
      const [holder, ...others] = await scene.connectAll(4);
      const grant = await scene.get(holder!);
      const [b, c, d] = [await scene.line(others[0]!), await scene.line(others[1]!), await scene.line(others[2]!)];
      const reason = new Error('changed my mind');
      c.abort(reason);
      assert.equal(await scene.settle(c.result.catch((error: unknown) => error)), reason);
      await scene.waits(b, d);
      await scene.free(grant);
      const first = await scene.first([b, d]);
      await scene.free(first, first === b ? d : b);
    },
  },
  {
    name: 'a claim keeps waiting for longer than its ttl',
    needs: ['acquire'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const grant = await scene.get(a!);
      const waiting = await scene.line(b!, { ttl: scene.ttl });
      for (let i = 0; i < 8; i++) {
        await scene.harness.advance(scene.ttl / 4);
        await scene.renew(a!, [grant]);
      }
      await scene.waits(waiting);
      await scene.free(grant, waiting);
    },
  },
  {
    name: 'those who wait in one process are served in their order, whoever else waits',
    needs: ['acquire'],
    async play(scene) {
      const services = await scene.services(2);
      const orders = services.map((): number[] => []);
      const calls = services.flatMap((service, s) =>
        Array.from({ length: 8 }, (_, i) => service.run(scene.key, () => void orders[s]!.push(i))),
      );
      await scene.settleAll(calls, 'all callers');
      for (const order of orders) assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7]);
    },
  },
  {
    name: 'waiting callers get LockTimeoutError when their time is up, and the lock when it is not',
    needs: ['acquire'],
    async play(scene) {
      const holder = await scene.connect();
      const service = await scene.service();
      const grant = await scene.get(holder);
      const [short, long] = [scene.ttl / 2, scene.ttl];
      const patient = scene.later(service.acquire(scene.key));
      const hasty = [short, long, short].map((waitTimeout) => scene.later(service.acquire(scene.key, { waitTimeout })));
      for (const [i, call] of hasty.entries()) {
        const error = await scene.rejects(call, LockTimeoutError, 'a caller whose time is up');
        assert.ok(error.waited >= (i === 1 ? long : short) - 1, `expected no time-out after only ${error.waited} ms`);
      }
      await scene.free(grant);
      const lock = await scene.settle(patient, 'the caller who waits without end');
      await scene.settle(lock.release());
    },
  },
];
