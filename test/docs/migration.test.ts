import type { Lock } from 'nestlock';
import { LockService } from 'nestlock';
import { redisBackend } from 'nestlock/redis';
import { attachLocks } from 'nestlock/testing';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../servers/redis';
import { until } from '../servers/until';
import { oldLock } from './context/old-module';
import { type Block, readPage } from './pages';
import { run } from './run';

let redis: RedisServer;
let client: Redis;
const services: LockService[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
beforeEach(() => {
  client = new Redis(redis.url);
});
afterEach(async () => {
  for (const service of services.splice(0)) await service.close();
  client.disconnect();
  await redis.command('flushall');
});
afterAll(() => redis?.stop());

/** The work of both sides: counts who is inside, and stays there until it is told to go on. */
class Room {
  inside = 0;
  most = 0;
  readonly #waiting: (() => void)[] = [];

  readonly work = async (): Promise<string> => {
    this.most = Math.max(this.most, ++this.inside);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.inside--;
    return 'done';
  };

  readonly letOneGo = (): void => this.#waiting.shift()!();
}

type Use = () => Promise<unknown>;

/** Both ask for the lock, the second while the first one has it. Answers how many were inside at once. */
async function mostInside(room: Room, first: Use, second: Use): Promise<number> {
  room.most = 0;
  const one = first();
  await until('the first', () => room.inside === 1);
  const other = second();
  await new Promise((resolve) => setTimeout(resolve, 300)); // whoever is not kept out is in by now
  room.letOneGo();
  await one;
  await until('the second', () => room.inside === 1, 20_000);
  room.letOneGo();
  await other;
  return room.most;
}

function blockWith(path: string, text: string, occurrence = 0): Block {
  const block = readPage(path).blocks.filter((each) => each.lang === 'ts' && each.text.includes(text))[occurrence];
  if (!block) throw new Error(`Expected ${path} to have a block with ${text}`);
  return block;
}

function newService(): LockService {
  const service = new LockService({
    backend: redisBackend({ url: redis.url, commandTimeout: '10s' }),
    ttl: '9s',
    waitTimeout: '20s',
  });
  services.push(service);
  return service;
}

describe('redlock', () => {
  const PAGE = 'docs/guide/migrating-from-redlock.md';
  /** They wait for as long as it takes here. */
  const PATIENT = { 'retryCount: 50, retryDelay: 200': 'retryCount: -1' };
  let room: Room;
  let before: Use;
  let after: Use;
  let inBoth: Use;
  let elsewhere: Use;

  beforeEach(async () => {
    room = new Room();
    const locks = newService();
    const context = { client, locks, pack: async () => undefined, send: room.work };
    const old = await run(blockWith(PAGE, 'redlock.using([`order:${id}`]'), {
      context,
      replace: { 'retryCount: 10': 'retryCount: -1' },
    });
    const fresh = await run(blockWith(PAGE, 'lock.assertHeld();'), { context });
    const both = await run(blockWith(PAGE, 'shipInBoth'), { context, replace: PATIENT });
    const shared = await run(blockWith(PAGE, 'sendElsewhere'), { context, replace: PATIENT });
    before = () => old.ship('7');
    after = () => fresh.ship('7');
    inBoth = () => both.shipInBoth('7');
    elsewhere = () => shared.sendElsewhere('7');
  });

  it('and nestlock do not exclude each other, since their keys differ', async () => {
    const uses = [before(), after()];
    await until('both', () => room.inside === 2);
    expect((await client.keys('*')).sort()).toEqual(['order:7', '{nestlock:order:7}', '{nestlock:order:7}:fence']);
    room.letOneGo();
    room.letOneGo();
    expect(await Promise.all(uses)).toEqual(['done', 'done']);
  });

  it('by itself excludes, as nestlock does', async () => {
    expect(await mostInside(room, before, before)).toBe(1);
    expect(await mostInside(room, after, after)).toBe(1);
  });

  it('the release with both locks excludes the one before and the one after it', async () => {
    expect(await mostInside(room, before, inBoth)).toBe(1);
    expect(await mostInside(room, inBoth, before)).toBe(1);
    expect(await mostInside(room, inBoth, inBoth)).toBe(1);
    expect(await mostInside(room, inBoth, after)).toBe(1);
    expect(await mostInside(room, after, inBoth)).toBe(1);
  });

  it('a lock that is shared by its full name excludes in both directions', async () => {
    expect(await mostInside(room, elsewhere, after)).toBe(1);
    expect(await mostInside(room, after, elsewhere)).toBe(1);
  });

  it('what stands in no line can be overtaken: a release of nestlock serves its own queue first', async () => {
    const first = after();
    await until('the first', () => room.inside === 1);
    const other = newService().run('order:7', room.work);
    await until('its claim', async () => (await client.zcard('{nestlock:order:7}:queue')) === 1);
    const polling = elsewhere();
    room.letOneGo();
    await first;
    await until('the next of the queue', () => room.inside === 1);
    room.letOneGo();
    expect(await other).toBe('done');
    await until('the one who polls', () => room.inside === 1);
    room.letOneGo();
    await polling;
    expect(room.most).toBe(1);
  });

  it('a lock that has run out under its body hides what the body returned; that of nestlock does not', async () => {
    const context = { client, pack: async () => undefined, send: room.work };
    const { ship } = await run(blockWith(PAGE, 'redlock.using([`order:${id}`]'), { context }); // its release gives up
    const uses = [ship('7'), after()];
    await until('both', () => room.inside === 2);
    await client.del('order:7', '{nestlock:order:7}');
    room.letOneGo();
    room.letOneGo();
    expect(await Promise.allSettled(uses)).toMatchObject([
      { value: 'busy' }, // from an ExecutionError, as for a lock that is held
      { reason: { name: 'LockLostError', result: 'done' } },
    ]);
  });
});

describe('redis-semaphore', () => {
  const PAGE = 'docs/guide/migrating-from-redis-semaphore.md';
  let room: Room;
  let old: Record<string, Use>;
  let fresh: Record<string, Use>;
  let both: Record<string, Use>;

  beforeEach(async () => {
    room = new Room();
    const idle = async (): Promise<void> => undefined;
    const load = async (block: Block, work: object) => run(block, { context: { client, locks, ...work } });
    const locks = newService();
    const uses = async (block: Block, names: readonly [string, string]): Promise<Record<string, Use>> => {
      const shipping = await load(block, { pack: idle, send: room.work });
      const printing = await load(block, { pack: room.work });
      return { ship: () => shipping[names[0]]('7'), print: () => printing[names[1]]('7') };
    };
    old = await uses(blockWith(PAGE, 'mutex.isAcquired'), ['ship', 'printOne']);
    fresh = await uses(blockWith(PAGE, 'lock.assertHeld();'), ['ship', 'printOne']);
    both = await uses(blockWith(PAGE, 'shipInBoth'), ['shipInBoth', 'printInBoth']);
  });

  it('and nestlock do not exclude each other, since their keys differ', async () => {
    const uses = [old['ship']!(), fresh['ship']!(), old['print']!(), fresh['print']!()];
    await until('all', () => room.inside === 4);
    const keys = (await client.keys('*')).filter((key) => !/:(fence|permits)$/.test(key));
    expect(keys.sort()).toEqual([
      'mutex:order:7',
      'semaphore:printer',
      '{nestlock:order:7}',
      '{nestlock:printer}:shared',
    ]);
    for (const _ of uses) room.letOneGo();
    await Promise.all(uses);
  });

  it('Mutex: the release with both locks excludes the one before and the one after it', async () => {
    const [before, inBoth, after] = [old['ship']!, both['ship']!, fresh['ship']!];
    for (const [first, second] of [
      [before, inBoth],
      [inBoth, before],
      [inBoth, inBoth],
      [inBoth, after],
      [after, inBoth],
    ])
      expect(await mostInside(room, first!, second!)).toBe(1);
  });

  it('Semaphore: three at most, of the releases before and after and the one with both', async () => {
    for (const other of [old['print']!, fresh['print']!]) {
      room.most = 0;
      const inBoth = both['print']!;
      const uses = [inBoth(), other(), inBoth(), other(), inBoth(), other()];
      for (let done = 0; done < uses.length; done++) {
        await until('somebody', () => room.inside === Math.min(3, uses.length - done), 20_000);
        await new Promise((resolve) => setTimeout(resolve, 50));
        room.letOneGo();
      }
      await Promise.all(uses);
      expect(room.most).toBe(3);
    }
  });

  it('tryAcquire waits unless it is told to try once', async () => {
    const { Mutex } = await import('redis-semaphore');
    const holder = new Mutex(client, 'k');
    await holder.acquire();
    const trying = new Mutex(client, 'k', { refreshInterval: 0 });
    const tried = trying.tryAcquire();
    expect(await new Mutex(client, 'k', { acquireAttemptsLimit: 1 }).tryAcquire()).toBe(false);
    await holder.release();
    expect(await tried).toBe(true);
    await trying.release();
  });
});

it('another module for Nest: both decorators on one method, nestlock outside', async () => {
  const block = blockWith('docs/guide/migrating-from-nest-modules.md', '@OldLock');
  const { AccountService } = await run(block);
  const locks = newService();
  const seen: [string, Lock | undefined][] = [];
  const original = oldLock.run;
  oldLock.run = (key, work) => {
    seen.push([key, locks.current('account:7')]);
    return work();
  };
  try {
    const accounts = attachLocks(new AccountService(), locks);
    expect(await accounts.withdraw('7', 5)).toBe('5 from 7');
    expect(seen).toEqual([['account:7', expect.objectContaining({ keys: ['account:7'] })]]);
  } finally {
    oldLock.run = original;
  }
});
