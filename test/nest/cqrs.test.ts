import { Injectable, Scope } from '@nestjs/common';
import {
  CommandBus,
  CommandHandler,
  CqrsModule,
  EventBus,
  EventsHandler,
  type ICommandHandler,
  type IEventHandler,
  type IQueryHandler,
  QueryBus,
  QueryHandler,
  Saga,
  UnhandledExceptionBus,
  ofType,
} from '@nestjs/cqrs';
import { DistributedLock, LockService } from 'nestlock';
import type { Observable } from 'rxjs';
import { map } from 'rxjs';
import type { Position } from './support';
import { POSITIONS, arrange, boot, errorOf, settle, until, withBackend } from './support';

class Reserve {
  constructor(
    readonly eventId: string,
    readonly fail?: Error,
  ) {}
}
class Cancel extends Reserve {}
class Print extends Reserve {}
class Count extends Reserve {}
class Reserved extends Reserve {}
class Paid extends Reserve {}

/** Notes what it is told under which lock, and how many are in the same section at once. */
@Injectable()
class Notes {
  readonly taken: string[] = [];
  most = 0;
  private readonly inside = new Map<string, number>();

  constructor(private readonly locks: LockService) {}

  async take(what: string, { eventId, fail }: Reserve): Promise<string> {
    const now = (this.inside.get(eventId) ?? 0) + 1;
    this.inside.set(eventId, now);
    this.most = Math.max(this.most, now);
    this.taken.push(`${what} under ${this.locks.current()?.keys.join()}`);
    await settle();
    this.inside.set(eventId, this.inside.get(eventId)! - 1);
    if (fail) throw fail;
    return what;
  }
}

/** The handlers of all kinds, with their lock in this place. */
function handlersAt(position: Position) {
  const [upper, lower] = arrange(
    position,
    DistributedLock('event:{0.eventId}', { waitTimeout: '1m' }),
    Reflect.metadata('other', 'decorator'),
  );
  const [upperBusy, lowerBusy] = arrange(
    position,
    DistributedLock({ key: 'event:{0.eventId}', onBusy: 'skip' }),
    Reflect.metadata('other', 'decorator'),
  );

  @CommandHandler(Reserve)
  class ReserveHandler implements ICommandHandler<Reserve> {
    constructor(private readonly notes: Notes) {}
    @upper
    @lower
    async execute(command: Reserve) {
      return this.notes.take('reserved', command);
    }
  }

  @CommandHandler(Cancel)
  class CancelHandler implements ICommandHandler<Cancel> {
    constructor(private readonly notes: Notes) {}
    @upperBusy
    @lowerBusy
    async execute(command: Cancel): Promise<string | undefined> {
      return this.notes.take('cancelled', command);
    }
  }

  @CommandHandler(Print, { scope: Scope.REQUEST })
  class PrintHandler implements ICommandHandler<Print> {
    constructor(private readonly notes: Notes) {}
    @upper
    @lower
    async execute(command: Print) {
      return this.notes.take('printed', command);
    }
  }

  @QueryHandler(Count)
  class CountHandler implements IQueryHandler<Count> {
    constructor(private readonly notes: Notes) {}
    @upper
    @lower
    async execute(query: Count) {
      return this.notes.take('counted', query);
    }
  }

  @EventsHandler(Reserved)
  class ReservedHandler implements IEventHandler<Reserved> {
    constructor(private readonly notes: Notes) {}
    @upper
    @lower
    async handle(event: Reserved) {
      await this.notes.take('told', event);
    }
  }

  @Injectable()
  class Sagas {
    @Saga()
    reserveWhatIsPaid(events: Observable<object>) {
      return events.pipe(
        ofType(Paid),
        map(({ eventId, fail }) => new Reserve(eventId, fail)),
      );
    }
  }
  return [ReserveHandler, CancelHandler, PrintHandler, CountHandler, ReservedHandler, Sagas];
}

async function bootHandlers(position: Position = 'above') {
  const { backend, locks } = withBackend();
  const app = await boot({ imports: [locks, CqrsModule.forRoot()], providers: [Notes, ...handlersAt(position)] });
  return {
    backend,
    notes: app.get(Notes),
    commands: app.get(CommandBus),
    queries: app.get(QueryBus),
    events: app.get(EventBus),
    unhandled: app.get(UnhandledExceptionBus),
  };
}

describe.each(POSITIONS)('the lock %s', (position) => {
  it('leaves handlers of commands, queries and events registered, and locks them', async () => {
    const { notes, commands, queries, events } = await bootHandlers(position);
    expect(await commands.execute(new Reserve('7'))).toBe('reserved');
    expect(await commands.execute(new Cancel('7'))).toBe('cancelled');
    expect(await commands.execute(new Print('7'))).toBe('printed');
    expect(await queries.execute(new Count('8'))).toBe('counted');
    events.publish(new Reserved('9'));
    await until(() => notes.taken.length === 5);
    expect(notes.taken).toEqual([
      'reserved under event:7',
      'cancelled under event:7',
      'printed under event:7',
      'counted under event:8',
      'told under event:9',
    ]);
  });

  it('runs those of one key one at a time, whatever their kind', async () => {
    const { notes, commands, queries, events } = await bootHandlers(position);
    events.publishAll([new Reserved('7'), new Reserved('7')]);
    const answers = [
      commands.execute(new Reserve('7')),
      commands.execute(new Print('7')),
      queries.execute(new Count('7')),
      commands.execute(new Reserve('7')),
    ];
    expect(await Promise.all(answers)).toEqual(['reserved', 'printed', 'counted', 'reserved']);
    await until(() => notes.taken.length === 6);
    expect(notes.most).toBe(1);
  });
});

it('commands of a saga take their locks', async () => {
  const { notes, events } = await bootHandlers();
  events.publishAll([new Paid('7'), new Paid('7'), new Paid('7')]);
  await until(() => notes.taken.length === 3);
  expect(notes.taken).toEqual(Array(3).fill('reserved under event:7'));
  expect(notes.most).toBe(1);
});

it("rejects with the handler's own error, and frees the lock", async () => {
  const { commands, queries } = await bootHandlers();
  const error = new RangeError('sold out');
  expect(await errorOf(commands.execute(new Reserve('7', error)))).toBe(error);
  expect(await errorOf(queries.execute(new Count('7', error)))).toBe(error);
  expect(await commands.execute(new Reserve('7'))).toBe('reserved');
});

describe('when the lock is held elsewhere', () => {
  it("'skip' answers undefined and runs nothing", async () => {
    const { backend, notes, commands } = await bootHandlers();
    await backend.holdElsewhere('event:7');
    expect(await commands.execute(new Cancel('7'))).toBeUndefined();
    expect(notes.taken).toEqual([]);
  });

  it('commands wait for it', async () => {
    const { backend, notes, commands } = await bootHandlers();
    const letGo = await backend.holdElsewhere('event:7');
    const reserved = commands.execute(new Reserve('7'));
    await until(() => backend.asked('event:7').length > 0);
    expect(notes.taken).toEqual([]);
    await letGo();
    expect(await reserved).toBe('reserved');
  });
});

it('a store that is down: commands reject, events and sagas report to the bus of unhandled exceptions', async () => {
  const { backend, notes, commands, events, unhandled } = await bootHandlers();
  const reported: unknown[] = [];
  unhandled.subscribe(({ exception }) => reported.push((exception as { code?: string }).code));
  backend.goDown();
  expect(await errorOf(commands.execute(new Reserve('7')))).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  events.publishAll([new Reserved('7'), new Paid('7')]);
  await until(() => reported.length === 2);
  expect(reported).toEqual(['LOCK_UNAVAILABLE', 'LOCK_UNAVAILABLE']);
  expect(notes.taken).toEqual([]);
});
