import { Notifications } from '../../lib/backends/sql/postgres/notifications';
import { PostgresDatabase } from '../../lib/backends/sql/postgres/postgres-database';
import type { StrategyContext } from '../../lib/backends/sql/strategy';
import { WaitingLine } from '../../lib/backends/sql/waiting-line';
import { Patience } from '../../lib/core/patience';
import { FakeClock } from '../../lib/testing';
import { until } from '../servers/until';
import { DATABASES } from './databases';
import { useDatabase } from './support';

const COMMAND_TIMEOUT = 2_000;
/** How long the connection is kept when nobody waits any more, in ms. */
const LINGER = 2_000;

/** On a clock that stands still, so that whoever asks has been woken by a message, or by the loss of the connection. */
describe('PostgreSQL: the connection that hears messages', () => {
  const on = useDatabase(DATABASES[0]!);

  const listening = (): Promise<unknown[]> => on().ids(`${DATABASES[0]!.sessions} AND query LIKE 'LISTEN%'`);

  async function scene(play: (scene: Scene) => Promise<void>, change?: Change): Promise<void> {
    const clock = new FakeClock();
    const { pool } = on().pool(4);
    const settings = { pool, commandTimeout: COMMAND_TIMEOUT } as Parameters<typeof PostgresDatabase.open>[0];
    const patience = new Patience(clock);
    const database = await PostgresDatabase.open(settings, patience);
    change?.(database, clock);
    const wakeups = new Notifications(database, clock, patience, COMMAND_TIMEOUT);
    try {
      await play(new Scene(clock, wakeups));
    } finally {
      await wakeups.close();
    }
  }

  it('those who wait ask again at once when it is lost', () =>
    scene(async ({ wakeups, wait }) => {
      const waiter = wait();
      await until('that messages arrive', () => wakeups.areReliable && waiter.isQuiet());
      const asked = waiter.asked;
      await on().kill(...(await listening()));
      await until('another question', () => waiter.asked > asked);
      expect(wakeups.areReliable).toBe(false);
      waiter.leave();
    }));

  it('is given back some time after the last one has left, unless another comes', () =>
    scene(async ({ clock, wakeups, wait }) => {
      const waiter = wait();
      await until('that messages arrive', () => wakeups.areReliable);
      const connection = await listening();
      expect(connection).toHaveLength(1);
      waiter.leave();
      await clock.advance(LINGER - 1);
      const another = wait();
      await clock.advance(LINGER);
      expect(await listening()).toEqual(connection);
      another.leave();
      await clock.advance(LINGER);
      await until('nobody who listens', async () => (await listening()).length === 0);
    }));

  it.each(['connect', 'query'] as const)('a process that was blocked does not take it for deaf: %s', async (step) => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockReturnValue();
    await scene(
      async ({ wakeups, wait }) => {
        const waiter = wait();
        await until('that messages arrive', () => wakeups.areReliable);
        expect(emitWarning).not.toHaveBeenCalled();
        waiter.leave();
      },
      (database, clock) => {
        const go = database[step].bind(database) as (sql?: string) => Promise<never>;
        database[step] = async (sql?: string) => {
          clock.stall(2 * COMMAND_TIMEOUT); // the timer is late, then the answer comes
          await clock.advance(0);
          return go(sql);
        };
      },
    );
    emitWarning.mockRestore();
  });
});

/** Made before it is used. */
type Change = (database: PostgresDatabase, clock: FakeClock) => void;

class Scene {
  constructor(
    readonly clock: FakeClock,
    readonly wakeups: Notifications,
  ) {}

  /** Somebody who waits for a lock that is held for long. */
  readonly wait = (): { readonly asked: number; isQuiet(): boolean; leave(): void } => {
    const context = { clock: this.clock, wakeups: this.wakeups } as Partial<StrategyContext> as StrategyContext;
    const line = new WaitingLine('row', context, () => undefined);
    let asked = 0;
    let before = 0;
    const member = {
      ask: async () => {
        asked++;
        return 3_600_000;
      },
    };
    line.join(member);
    return {
      get asked() {
        return asked;
      },
      /** Nothing was asked since the last look. */
      isQuiet: () => before === (before = asked),
      leave: () => line.leave(member),
    };
  };
}
