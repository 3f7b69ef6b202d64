import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type INestApplication, Injectable } from '@nestjs/common';
import {
  Args,
  Field,
  GraphQLModule,
  ID,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import { DistributedLock, LockService } from 'nestlock';
import type { Position } from './support';
import { POSITIONS, arrange, serve, settle, until, withBackend } from './support';

@ObjectType()
class Event {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { nullable: true })
  lockedBy?: string | undefined;
}

/** What bodies do: they note who ran, and how many were in the same section at once. */
@Injectable()
class Sections {
  readonly ran: string[] = [];
  most = 0;
  private readonly inside = new Map<string, number>();

  constructor(private readonly locks: LockService) {}

  async visit(section: string, name: string): Promise<string | undefined> {
    const now = (this.inside.get(section) ?? 0) + 1;
    this.inside.set(section, now);
    this.most = Math.max(this.most, now);
    this.ran.push(name);
    await settle();
    this.inside.set(section, this.inside.get(section)! - 1);
    return this.locks.current()?.keys.join();
  }
}

@Injectable()
class Carts {
  constructor(private readonly sections: Sections) {}

  @DistributedLock('cart:{req.user.id}')
  async fill() {
    return this.sections.visit('cart', 'fill');
  }
}

const byId = { type: () => ID };

/** A resolver whose methods have their lock in this place. */
function resolverAt(position: Position) {
  const [queryUpper, queryLower] = arrange(
    position,
    DistributedLock('event:{id}', { waitTimeout: '1m' }),
    Query(() => Event, { name: 'event' }),
  );
  const [reserveUpper, reserveLower] = arrange(
    position,
    DistributedLock('event:{id}', { waitTimeout: '1m' }),
    Mutation(() => Event, { name: 'reserve' }),
  );
  const [busyUpper, busyLower] = arrange(
    position,
    DistributedLock('event:{id}', { waitTimeout: 0 }),
    Mutation(() => Event, { name: 'tryReserve' }),
  );
  const [skipUpper, skipLower] = arrange(
    position,
    DistributedLock('event:{id}', { onBusy: 'skip' }),
    Mutation(() => Event, { name: 'maybeReserve', nullable: true }),
  );
  const [answerUpper, answerLower] = arrange(
    position,
    DistributedLock('event:{id}', { waitTimeout: 0, onBusy: ({ keys }) => ({ id: '-', lockedBy: `busy: ${keys}` }) }),
    Mutation(() => Event, { name: 'answerReserve' }),
  );
  const [seatsUpper, seatsLower] = arrange(
    position,
    DistributedLock('seats:{event.id}', { waitTimeout: '1m' }),
    ResolveField(() => String, { name: 'seats' }),
  );
  const [mineUpper, mineLower] = arrange(
    position,
    DistributedLock('mine:{req.user.id}'),
    ResolveField(() => String, { name: 'mine' }),
  );
  const [ownUpper, ownLower] = arrange(
    position,
    DistributedLock('own:{req.user.id}:{req.headers.x-tenant}'),
    Mutation(() => String, { name: 'own' }),
  );

  @Resolver(() => Event)
  class EventResolver {
    constructor(
      private readonly sections: Sections,
      private readonly carts: Carts,
    ) {}

    @queryUpper
    @queryLower
    async event(@Args('id', byId) id: string): Promise<Event> {
      return { id, lockedBy: await this.sections.visit(id, 'event') };
    }

    @reserveUpper
    @reserveLower
    async reserve(@Args('id', byId) id: string): Promise<Event> {
      return { id, lockedBy: await this.sections.visit(id, 'reserve') };
    }

    @busyUpper
    @busyLower
    async tryReserve(@Args('id', byId) id: string): Promise<Event> {
      return { id, lockedBy: await this.sections.visit(id, 'tryReserve') };
    }

    @skipUpper
    @skipLower
    async maybeReserve(@Args('id', byId) id: string): Promise<Event | undefined> {
      return { id, lockedBy: await this.sections.visit(id, 'maybeReserve') };
    }

    @answerUpper
    @answerLower
    async answerReserve(@Args('id', byId) id: string): Promise<Event> {
      return { id, lockedBy: await this.sections.visit(id, 'answerReserve') };
    }

    @seatsUpper
    @seatsLower
    async seats(@Parent() event: Event) {
      return this.sections.visit(`seats of ${event.id}`, 'seats');
    }

    @mineUpper
    @mineLower
    async mine() {
      return this.sections.visit('mine', 'mine');
    }

    @ownUpper
    @ownLower
    async own() {
      return this.sections.visit('own', 'own');
    }

    @Mutation(() => String)
    async fill() {
      return this.carts.fill();
    }
  }
  return EventResolver;
}

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly path?: readonly string[] }[];
}

/** An application that knows who asks. */
async function serveEvents(position: Position = 'above', options: Partial<ApolloDriverConfig> = {}) {
  const { backend, locks } = withBackend();
  const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, ...options });
  const { app, url } = await serve(
    { imports: [locks, graphql], providers: [Sections, Carts, resolverAt(position)] },
    { prepare: authenticate },
  );
  const ask = async (query: string, signal: AbortSignal | null = null): Promise<Answer> => {
    const headers = { 'content-type': 'application/json', 'x-user': 'ada', 'x-tenant': 'acme' };
    const body = JSON.stringify({ query });
    return (await (await fetch(`${url}/graphql`, { method: 'POST', headers, body, signal })).json()) as Answer;
  };
  return { backend, ask, sections: app.get(Sections) };
}

function authenticate(app: INestApplication): void {
  app.use((request: { user?: unknown; headers: Record<string, string> }, _: unknown, next: () => void) => {
    request.user = { id: request.headers['x-user'] };
    next();
  });
}

describe.each(POSITIONS)('the lock %s', (position) => {
  it('leaves queries, mutations and fields in the schema, and locks them', async () => {
    const { ask } = await serveEvents(position);
    expect(await ask('{ event(id: 7) { id lockedBy seats } }')).toEqual({
      data: { event: { id: '7', lockedBy: 'event:7', seats: 'seats:7' } },
    });
    expect(await ask('mutation { reserve(id: 8) { lockedBy } }')).toEqual({
      data: { reserve: { lockedBy: 'event:8' } },
    });
  });

  it('runs those of one key one at a time, of one request and of several', async () => {
    const { ask, sections } = await serveEvents(position);
    const answers = await Promise.all([
      ask('{ a: event(id: 7) { seats } b: event(id: 7) { seats } }'),
      ask('mutation { reserve(id: 7) { seats } }'),
      ask('mutation { reserve(id: 7) { seats } }'),
    ]);
    expect(answers.flatMap(({ errors = [] }) => errors)).toEqual([]);
    expect(sections.ran.sort()).toEqual(['event', 'event', 'reserve', 'reserve', ...Array(4).fill('seats')]);
    expect(sections.most).toBe(1);
  });

  it('knows the request, in the handler and in what that calls', async () => {
    const { ask } = await serveEvents(position);
    expect(await ask('mutation { fill own }')).toEqual({ data: { fill: 'cart:ada', own: 'own:ada:acme' } });
  });

  it('knows it in fields as well, where they have interceptors', async () => {
    const { ask } = await serveEvents(position, { fieldResolverEnhancers: ['interceptors'] });
    expect(await ask('{ event(id: 7) { mine } }')).toEqual({ data: { event: { mine: 'mine:ada' } } });
  });

  it('answers a busy lock as it was told to', async () => {
    const { backend, ask, sections } = await serveEvents(position);
    await backend.holdElsewhere('event:7');
    const { data, errors } = await ask('mutation { tryReserve(id: 7) { id } }');
    expect(data).toBeNull();
    expect(errors).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(/^Lock "event:7" is held by another/) as string,
        path: ['tryReserve'],
      }),
    ]);
    expect(await ask('mutation { maybeReserve(id: 7) { id } answerReserve(id: 7) { lockedBy } }')).toEqual({
      data: { maybeReserve: null, answerReserve: { lockedBy: 'busy: event:7' } },
    });
    expect(sections.ran).toEqual([]);
  });
});

it('a field without interceptors says what to do for its {req.…} key', async () => {
  const { ask, sections } = await serveEvents();
  const { errors } = await ask('{ event(id: 7) { mine } }');
  expect(errors).toEqual([
    expect.objectContaining({ message: expect.stringContaining("fieldResolverEnhancers: ['interceptors']") as string }),
  ]);
  expect(sections.ran).toEqual(['event']);
});

it('a store that is down is an error for all of them, and nothing runs', async () => {
  const { backend, ask, sections } = await serveEvents();
  backend.goDown();
  for (const name of ['reserve', 'maybeReserve', 'answerReserve']) {
    const { errors } = await ask(`mutation { ${name}(id: 7) { id } }`);
    expect(errors).toEqual([
      expect.objectContaining({ message: expect.stringContaining('the test backend is down') as string, path: [name] }),
    ]);
  }
  expect(sections.ran).toEqual([]);
});

it('who hangs up while waiting leaves the line', async () => {
  const { backend, ask, sections } = await serveEvents();
  await backend.holdElsewhere('event:7');
  const hangUp = new AbortController();
  const answer = ask('mutation { reserve(id: 7) { id } }', hangUp.signal);
  await until(() => backend.asked('event:7').length === 1);
  hangUp.abort();
  await expect(answer).rejects.toThrow();
  await until(() => backend.asked('event:7')[0]!.signal.aborted);
  expect(sections.ran).toEqual([]);
});
