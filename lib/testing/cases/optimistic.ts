import assert from 'node:assert/strict';
import { LockConfigError, LockConflictError } from '../../core/errors';
import type { CaseScript } from './scene';

/** @internal What a backend promises that excludes commits instead of bodies. */
export const optimisticCases: readonly CaseScript[] = [
  {
    name: 'nobody waits, and of several at once the first to finish wins',
    lacks: 'acquire',
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const [first, second, failed] = [await scene.get(a!), await scene.get(b!, { wait: true }), await scene.get(c!)];
      assert.equal(await scene.settle(failed.release({ error: new Error('the body failed') })), 'released');
      await scene.free(first, first);
      assert.equal(await scene.settle(second.release({ ok: true })), 'conflict');
      assert.equal(await scene.settle(second.release({ ok: true })), 'conflict');
      await scene.free(await scene.get(b!));
    },
  },
  {
    name: 'work on different keys does not conflict',
    lacks: 'acquire',
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const [first, second] = [
        await scene.get(a!, { key: scene.keyOf('a') }),
        await scene.get(b!, { key: scene.keyOf('A') }),
      ];
      await scene.free(first, second);
    },
  },
  {
    name: 'a body that met a conflict is run again',
    lacks: 'acquire',
    async play(scene) {
      const [a, b] = await scene.services(2);
      let runs = 0;
      const overtaken = a!.run(scene.key, async () => {
        if (++runs === 1) await b!.run(scene.key, () => undefined);
        return runs;
      });
      assert.equal(await scene.settle(overtaken), 2);
    },
  },
  {
    name: 'a body that meets conflicts in every attempt ends with LockConflictError',
    lacks: 'acquire',
    async play(scene) {
      const [a, b] = await scene.services(2);
      const overtaken = a!.run(scene.key, () => b!.run(scene.key, () => undefined));
      await scene.rejects(overtaken, LockConflictError, 'run()');
    },
  },
  {
    name: 'acquire and tryAcquire are refused with LockConfigError',
    lacks: 'acquire',
    async play(scene) {
      const service = await scene.service();
      await scene.rejects(service.acquire(scene.key), LockConfigError, 'acquire()');
      await scene.rejects(service.tryAcquire(scene.key), LockConfigError, 'tryAcquire()');
    },
  },
  {
    name: 'there is no fencing token',
    lacks: 'acquire',
    async play(scene) {
      const service = await scene.service();
      const call = service.run(scene.key, (lock) => String(lock.fencingToken));
      await scene.rejects(call, LockConfigError, 'fencingToken');
    },
  },
];
