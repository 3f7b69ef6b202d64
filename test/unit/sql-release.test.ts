import type { RowClaim } from '../../lib/backends/sql/dialect';
import { markUnsent } from '../../lib/backends/sql/failures';
import { LeaseStrategy } from '../../lib/backends/sql/lease.strategy';
import type { StrategyContext } from '../../lib/backends/sql/strategy';
import { FakeClock } from '../../lib/testing';

const claim = { row: 'lease:k', holder: 'me', ttl: 1_000 } as RowClaim;

describe.each<[string, Error, 'lost' | 'released']>([
  ['was never sent', markUnsent(new Error('no connection')), 'lost'],
  ['was refused', Object.assign(new Error('read-only'), { isRefusal: true }), 'lost'],
  ['was not answered', new Error('connection lost'), 'released'],
])('a release that %s', (_, failure, answer) => {
  test(`and finds nothing the second time: ${answer}`, async () => {
    const clock = new FakeClock();
    let tries = 0;
    const free = async (): Promise<boolean> => {
      if (++tries === 1) throw failure;
      return false;
    };
    const context = {
      clock,
      tables: { use: (run: () => unknown) => run() },
      dialect: { lease: { free }, isRefusal: (error: object) => 'isRefusal' in error },
    } as unknown as StrategyContext;
    const freeing = new LeaseStrategy(context).free(claim, clock.now() + 1_000);
    await clock.advance(200);
    expect(await freeing).toBe(answer);
  });
});
