import assert from 'node:assert/strict';
import { LockConfigError } from '../../core/errors';
import type { CaseScript } from './scene';

/** @internal Shared claims get along with each other, not with exclusive ones, and nobody starves. */
export const sharedCases: readonly CaseScript[] = [
  {
    name: 'shared holders get along, and keep an exclusive claim out until the last has gone',
    needs: ['acquire', 'shared'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const readers = [await scene.get(a!, { mode: 'shared' }), await scene.get(b!, { mode: 'shared' })];
      await scene.refused(c!);
      readers.push(await scene.get(a!, { mode: 'shared' }));
      const writer = await scene.line(c!);
      for (const reader of readers) {
        await scene.waits(writer);
        await scene.free(reader);
      }
      await scene.free(writer);
    },
  },
  {
    name: 'an exclusive holder keeps shared claims out',
    needs: ['acquire', 'shared'],
    async play(scene) {
      const [a, b] = await scene.connectAll(2);
      const writer = await scene.get(a!);
      await scene.refused(b!, { mode: 'shared' });
      const reader = await scene.line(b!, { mode: 'shared' });
      await scene.free(writer, reader);
    },
  },
  {
    name: 'shared claims that wait together are granted together',
    needs: ['acquire', 'shared'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const writer = await scene.get(a!);
      const line = [];
      for (const backend of [b!, c!, b!]) line.push(await scene.line(backend, { mode: 'shared' }));
      await scene.free(writer);
      const readers = [];
      for (const asking of line) readers.push(await scene.granted(asking));
      await scene.free(...readers);
    },
  },
  {
    name: 'a waiting exclusive claim holds back later shared ones',
    needs: ['acquire', 'shared', 'fifo'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const reader = await scene.get(a!, { mode: 'shared' });
      const writer = await scene.line(b!);
      await scene.refused(c!, { mode: 'shared' });
      await scene.refused(a!, { mode: 'shared' });
      const late = await scene.line(c!, { mode: 'shared' });
      await scene.free(reader);
      const grant = await scene.granted(writer);
      await scene.waits(late);
      await scene.free(grant, late);
    },
  },
  {
    name: 'shared claims behind an exclusive one that gives up are granted at once',
    needs: ['acquire', 'shared', 'fifo'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const reader = await scene.get(a!, { mode: 'shared' });
      const writer = await scene.line(b!);
      const late = await scene.line(c!, { mode: 'shared' });
      writer.abort(new Error('changed my mind'));
      await scene.free(late, reader);
    },
  },
  {
    name: 'readers that come and go without end do not starve a writer',
    needs: ['acquire', 'shared', 'fifo'],
    async play(scene) {
      const [readers, others, writers] = await scene.services(3);
      let isWritten = false;
      const read = async (service: typeof readers, first: number): Promise<void> => {
        for (let i = 0; i < first || !isWritten; i++) {
          await service!.run(scene.key, () => scene.harness.advance(scene.ttl / 50), { mode: 'shared' });
        }
      };
      const reading = [read(readers, 2), read(others, 3), read(readers, 4)].map((each) => scene.later(each));
      await scene.harness.advance(scene.ttl / 100);
      const writing = scene.later(writers!.run(scene.key, () => void (isWritten = true)));
      await scene.settle(writing, 'the writer').finally(() => (isWritten = true));
      await scene.settleAll(reading, 'the readers');
    },
  },
  {
    name: 'writers are alone, readers are not disturbed',
    needs: ['acquire', 'shared'],
    async play(scene) {
      const services = await scene.services(3);
      let [readers, writers] = [0, 0];
      const calls = services.flatMap((service, s) =>
        Array.from({ length: 8 }, (_, i) => {
          if ((i + s) % 3 > 0) {
            const read = async (): Promise<void> => {
              readers++;
              for (let n = 0; n < 3; n++) await scene.pause();
              assert.equal(writers, 0, 'expected no writer beside a reader');
              readers--;
            };
            return service.run(scene.key, read, { mode: 'shared' });
          }
          return service.run(scene.key, async () => {
            assert.equal(++writers, 1, 'expected one writer at a time');
            await scene.pause();
            assert.equal(readers, 0, 'expected no reader beside a writer');
            writers--;
          });
        }),
      );
      await scene.settleAll(calls, 'all callers');
    },
  },
  {
    name: 'a shared holder can free nothing but its own share, once',
    needs: ['acquire', 'shared'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const [first, second] = [await scene.get(a!, { mode: 'shared' }), await scene.get(b!, { mode: 'shared' })];
      await scene.free(first, first);
      await scene.refused(c!);
      await scene.free(second);
      const writer = await scene.get(c!);
      await scene.free(first);
      await scene.refused(a!);
      await scene.free(writer);
    },
  },
  {
    name: 'a shared holder whose time ran out keeps nobody waiting, one that renews does',
    needs: ['acquire', 'shared', 'leases'],
    async play(scene) {
      const [a, b, c] = await scene.connectAll(3);
      const lapsed = await scene.get(a!, { mode: 'shared', ttl: scene.ttl });
      const kept = await scene.get(b!, { mode: 'shared' });
      const writer = await scene.line(c!);
      await scene.harness.advance(scene.ttl * 1.5);
      await scene.waits(writer);
      const [answer] = await scene.renew(b!, [kept]);
      assert.equal(typeof answer, 'number');
      await scene.free(kept);
      const grant = await scene.granted(writer);
      await scene.gone(a!, lapsed);
      await scene.refused(b!);
      await scene.free(grant);
    },
  },
  {
    name: 'a shared claim is refused with LockConfigError before anything is asked',
    lacks: 'shared',
    async play(scene) {
      for (const backend of [await scene.connect(), await scene.open(await scene.harness.unreachable())]) {
        for (const wait of [true, false]) {
          const asking = scene.ask(backend, { mode: 'shared', wait });
          await scene.rejects(asking.result, LockConfigError, String(asking));
        }
      }
    },
  },
];
