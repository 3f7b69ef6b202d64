import { Redis } from 'ioredis';
import { type SentinelGroup, startSentinel } from './sentinel';
import { until } from './until';

describe('Redis with Sentinel', () => {
  let group: SentinelGroup;
  let client: Redis | undefined;

  beforeAll(async () => {
    group = await startSentinel();
  }, 60_000);
  afterAll(async () => {
    client?.disconnect();
    await group?.stop();
  }, 60_000);

  it('has another primary after a failover, and after the death of the primary', async () => {
    const [first] = group.nodes;
    expect(await group.primary()).toBe(first);
    client = new Redis({
      name: group.name,
      sentinels: group.sentinels.map(({ host, port }) => ({ host, port })),
      maxRetriesPerRequest: null,
    });
    client.on('error', () => {});
    await client.set('key', 'value');
    expect(await client.wait(2, 10_000)).toBe(2);

    const second = await group.failover();
    expect(second).not.toBe(first);
    expect(await group.primary()).toBe(second);
    // Until then it takes writes that are lost.
    await until(
      'the old primary as a replica',
      async () => ((await first!.command('role')) as [string])[0] === 'slave',
    );
    await until('the client at the new primary', () => client!.set('key', 'new'));
    expect(await second.command('get', 'key')).toBe('new');

    const third = await group.killPrimary();
    expect(third).not.toBe(second);
    expect(second.running).toBe(false);
    await until('the client at the new primary', () => client!.set('key', 'newer'));
    expect(await third.command('get', 'key')).toBe('newer');
  }, 120_000);
});
