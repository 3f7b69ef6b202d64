import { setTimeout as sleep } from 'node:timers/promises';
import { proxyOf, SESSION, useZooKeeper, workerOn } from './support';

// The client closes sockets that are still polled, and opens others that may get their numbers (see connection.ts).
const zookeeper = useZooKeeper();
const MS = 12_000;

type Proxy = Awaited<ReturnType<typeof proxyOf>>;

const faults: readonly { name: string; strike: (proxy: Proxy) => unknown; every: number }[] = [
  { name: 'cut', strike: (proxy) => proxy.cut(() => true), every: 30 },
  { name: 'cut and refused', strike: (proxy) => proxy.cut(), every: 150 },
  { name: 'silent', strike: (proxy) => proxy.drop('both'), every: SESSION },
];

it.each(faults)(
  'a process that opens many sockets survives broken connections, and none of the sockets goes deaf: $name',
  async ({ strike, every }) => {
    const proxy = await proxyOf(zookeeper.server);
    const worker = await workerOn(proxy.connectString, { waitTimeout: '2s' });
    const bustling = worker.ask('bustle', MS);
    const striving = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => worker.ask('strive', key, MS));
    for (const end = performance.now() + MS - 2_000; performance.now() < end;) {
      strike(proxy);
      await sleep(every);
      await proxy.restore();
      await sleep(every);
    }
    const { answered, unanswered } = await bustling;
    expect(unanswered).toBe(0);
    expect(answered).toBeGreaterThan(500);
    await Promise.all(striving);
    expect(await worker.ask('acquire', 'k', {})).toBeDefined();
    await worker.ask('release', 'k');
  },
  60_000,
);
