import { BullModule, Processor, WorkerHost } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import { type Job, Queue, QueueEvents } from 'bullmq';
import { DistributedLock, LockModule, LockService } from 'nestlock';
import { redisBackend } from 'nestlock/redis';
import { randomUUID } from 'node:crypto';
import { type RedisServer, startRedis } from '../servers/redis';
import { type Gate, boot, contended, errorOf, gate, until } from './support';

interface Order {
  readonly id: string;
  /** Where the body waits, by its name in `gates`. */
  readonly gate?: string;
  readonly fail?: string;
}

/** Of all workers. */
let bodies: { started: string[]; inside: Map<string, number>; most: number };
let gates: Map<string, Gate & { readonly reached: Gate }>;

@Injectable()
class Orders {
  async ship({ id, gate, fail }: Order, name: string) {
    const now = (bodies.inside.get(id) ?? 0) + 1;
    bodies.inside.set(id, now);
    bodies.most = Math.max(bodies.most, now);
    bodies.started.push(name);
    gates.get(gate ?? '')?.reached.open();
    await gates.get(gate ?? '')?.passed;
    bodies.inside.set(id, bodies.inside.get(id)! - 1);
    if (fail !== undefined) throw new RangeError(fail);
    return `shipped ${name}`;
  }
}

@Processor('shipping', { concurrency: 4 })
class Shipping extends WorkerHost {
  constructor(private readonly orders: Orders) {
    super();
  }

  @DistributedLock('order:{job.data.id}', { waitTimeout: '1m' })
  override async process(job: Job<Order>) {
    return this.orders.ship(job.data, job.name);
  }
}

@Processor('reports')
class Reports extends WorkerHost {
  constructor(private readonly orders: Orders) {
    super();
  }

  @DistributedLock({ key: (job: Job<Order>) => `order:${job.data.id}`, onBusy: 'skip' })
  override async process(job: Job<Order>): Promise<string | undefined> {
    return this.orders.ship(job.data, job.name);
  }
}

@Processor('billing')
class Billing extends WorkerHost {
  constructor(private readonly orders: Orders) {
    super();
  }

  @DistributedLock('order:{job.data.id}', { waitTimeout: 0 })
  override async process(job: Job<Order>) {
    return this.orders.ship(job.data, job.name);
  }
}

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server?.stop());

/** What a test has opened, to be closed before its server. */
let open: { close(): Promise<unknown> }[];
beforeEach(() => {
  open = [];
  bodies = { started: [], inside: new Map(), most: 0 };
  gates = new Map();
});
afterEach(async () => {
  for (const { passed: _, open } of gates.values()) open();
  for (const each of open.reverse()) await each.close();
});

function keep<T extends { close(): Promise<unknown> }>(thing: T): T {
  open.push(thing);
  return thing;
}

/** Instances of an application, with the workers of one queue, which is of this test only. */
async function startWorkers(name: string, processor: typeof Shipping | typeof Reports | typeof Billing, count = 1) {
  const connection = { host: server.host, port: server.port };
  const prefix = randomUUID();
  const queue = keep(new Queue<Order>(name, { connection, prefix }));
  const ends = keep(new QueueEvents(name, { connection, prefix }));
  await ends.waitUntilReady();
  const apps = [];
  for (let i = 0; i < count; i++) {
    const app = await boot({
      imports: [
        LockModule.forRoot({ backend: redisBackend(server.url), prefix: `${prefix}:` }),
        BullModule.forRoot({ connection, prefix }),
        BullModule.registerQueue({ name }),
      ],
      providers: [Orders, processor],
    });
    await app.get<WorkerHost>(processor).worker.waitUntilReady();
    apps.push(app);
  }
  const add = async (job: string, order: Order, attempts = 1) => {
    const added = await queue.add(job, order, { attempts });
    return { id: added.id!, done: () => added.waitUntilFinished(ends), state: () => added.getState() };
  };
  return { apps, queue, add, locks: apps[0]!.get(LockService), key: (id: string) => `${prefix}:order:${id}` };
}

/** A gate that bodies tell that they have come to it. */
function gateOf(name: string) {
  const made = { ...gate(), reached: gate() };
  gates.set(name, made);
  return made;
}

it('jobs of one key never overlap, in two workers with four jobs each at once', async () => {
  const { add, key } = await startWorkers('shipping', Shipping, 2);
  const first = gateOf('first');
  const waiting = contended(key('7'));
  const jobs = [await add('0', { id: '7', gate: 'first' })];
  await first.reached.passed;
  for (let i = 1; i < 10; i++) jobs.push(await add(String(i), { id: '7' }));
  await waiting; // others have been fetched, and would be in by now
  expect(bodies.started).toEqual(['0']);
  first.open();
  const answers = await Promise.all(jobs.map(({ done }) => done()));
  expect(answers).toEqual(jobs.map((_, i) => `shipped ${i}`));
  expect(bodies.most).toBe(1);
});

it('jobs of different keys run side by side', async () => {
  const { add } = await startWorkers('shipping', Shipping);
  const [a, b] = [gateOf('a'), gateOf('b')];
  const jobs = [await add('a', { id: 'a', gate: 'a' }), await add('b', { id: 'b', gate: 'b' })];
  await a.reached.passed;
  await b.reached.passed; // while a is still inside
  a.open();
  b.open();
  expect(await Promise.all(jobs.map(({ done }) => done()))).toEqual(['shipped a', 'shipped b']);
});

it('a body that fails fails its job, and frees the lock', async () => {
  const { add } = await startWorkers('shipping', Shipping);
  const failing = await add('failing', { id: '7', fail: 'out of stock' });
  expect((await errorOf(failing.done())).message).toBe('out of stock');
  expect(await failing.state()).toBe('failed');
  expect(await (await add('next', { id: '7' })).done()).toBe('shipped next');
});

it("'skip' completes a job whose key is busy, without running its body", async () => {
  const { add, locks } = await startWorkers('reports', Reports);
  const lock = await locks.acquire('order:7');
  const skipped = await add('skipped', { id: '7' });
  expect(await skipped.done()).toBeNull(); // what BullMQ keeps of undefined
  expect(await skipped.state()).toBe('completed');
  await lock.release();
  expect(await (await add('next', { id: '7' })).done()).toBe('shipped next');
  expect(bodies.started).toEqual(['next']);
});

it('a busy lock fails the attempt of a job, and BullMQ tries again', async () => {
  const { add, locks, queue } = await startWorkers('billing', Billing);
  const lock = await locks.acquire('order:7');
  const once = await add('once', { id: '7' });
  expect((await errorOf(once.done())).message).toMatch(/^Lock "order:7" is held by another/);
  const twice = await add('twice', { id: '7' }, 10_000);
  await until(async () => (await queue.getJob(twice.id))!.attemptsMade > 0);
  await lock.release();
  expect(await twice.done()).toBe('shipped twice');
  expect(bodies.started).toEqual(['twice']);
});

it('a shutdown lets running jobs end', async () => {
  const { apps, add } = await startWorkers('shipping', Shipping);
  const last = gateOf('last');
  const job = await add('last', { id: '7', gate: 'last' });
  await last.reached.passed;
  const closed = apps[0]!.close();
  last.open();
  await closed;
  expect(await job.done()).toBe('shipped last');
});
