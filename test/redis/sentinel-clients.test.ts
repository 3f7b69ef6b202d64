import type { Redis } from 'ioredis';
import { createClient, createSubscriber } from '../../lib/backends/redis/connect';
import { checkRedisOptions } from '../../lib/backends/redis/options';
import type { SentinelGroup } from '../servers/sentinel';
import { startSentinel } from '../servers/sentinel';
import { until } from '../servers/until';

jest.setTimeout(60_000);

let group: SentinelGroup;
beforeAll(async () => {
  group = await startSentinel();
});
afterAll(() => group?.stop());

async function client(): Promise<Redis> {
  const sentinels = group.sentinels.map(({ host, port }) => ({ host, port }));
  const made = (await createClient(checkRedisOptions({ sentinels, name: group.name }))) as Redis;
  made.on('error', () => undefined);
  await made.connect();
  return made;
}

/** Lets it hear of a failover while it looks for the primary, for which there is no moment that could be waited for. */
async function disturb(disturbed: Redis): Promise<void> {
  const ended = new Promise((resolve) => disturbed.once('end', resolve));
  disturbed.once('connecting', () => {
    const { connector } = disturbed as unknown as { connector: { disconnect(): void } };
    setImmediate(() => connector.disconnect());
  });
  disturbed.disconnect(true);
  await ended;
}

describe('a failover while a client looks for the primary', () => {
  it('does not end a client of ours for good, nor its subscriber', async () => {
    const own = await client();
    const subscriber = createSubscriber(own) as Redis;
    subscriber.on('error', () => undefined);
    for (const each of [own, subscriber]) {
      await until('a connection', () => each.status === 'ready');
      await disturb(each);
      await until('the connection to be back', () => each.status === 'ready');
    }
    await expect(own.ping()).resolves.toBe('PONG');
    for (const each of [own, subscriber]) each.disconnect();
  });

  it('does not bring back who was closed', async () => {
    const own = await client();
    own.disconnect();
    await until('its end', () => own.status === 'end');
    await new Promise((resolve) => setTimeout(resolve, 300)); // longer than until a first try
    expect(own.status).toBe('end');
  });
});
