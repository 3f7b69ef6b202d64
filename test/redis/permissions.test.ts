import type { RedisServer } from '../servers/redis';
import { onStandstill } from '../chaos/standstill';
import { until } from '../servers/until';
import { queued, serviceOn, told, useRedis } from './support';

const users = ['user mute on >pw ~* &* +@all -publish', 'user deaf on >pw ~* &* +@all -subscribe'];
const redis = useRedis({ conf: users });
const urlOf = ({ host, port }: RedisServer, user: string): string => `redis://${user}:pw@${host}:${port}`;

const warned = (): unknown[][] =>
  emitWarning.mock.calls.filter(([, options]) => (options as { code?: string })?.code === 'NESTLOCK_NOTIFICATIONS');
let emitWarning: jest.SpiedFunction<typeof process.emitWarning>;
beforeEach(() => (emitWarning = jest.spyOn(process, 'emitWarning').mockReturnValue()));
afterEach(() => emitWarning.mockRestore());

describe('who must not', () => {
  it.each([
    ['publish', 'mute'],
    ['subscribe', 'deaf'],
  ])('%s waits all the same, in order, and a warning says so once', async (command, user) => {
    const { server } = redis;
    const url = urlOf(server, user);
    const services = [await serviceOn(url, { ttl: 60_000 }), await serviceOn(url, { ttl: 60_000 })];
    const served: number[] = [];
    const lock = await services[0]!.acquire('k');
    const waiting: Promise<unknown>[] = [];
    for (let i = 0; i < 6; i++) {
      waiting.push(services[i % 2]!.run('k', () => served.push(i)));
      await queued(server, 'k', Math.min(i + 1, 2)); // one claim for all waiters of a service
    }
    await until('the warnings', () => warned().length === 2);
    await until('further tries', async () => {
      const stats = (await server.command('info', 'commandstats')) as string;
      return Number(new RegExp(`cmdstat_${command}:.*rejected_calls=(\\d+)`).exec(stats)?.[1]) >= 4;
    });
    await lock.release();
    await Promise.all(waiting);
    expect([...served].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    for (const rest of [0, 1]) {
      const own = served.filter((i) => i % 2 === rest);
      expect(own).toEqual([...own].sort());
    }
    expect(warned()).toHaveLength(2); // once for each connection
    expect(warned()[0]![0]).toMatch(/NOPERM.*Allow the user SUBSCRIBE and PUBLISH/);
  });
});

it('processes with and without notifications take turns in one queue', async () => {
  const { server } = redis;
  const ttl = 3_000;
  const warn = jest.fn();
  const services = [
    await serviceOn({ url: server.url, notifications: false }, { ttl, warn }),
    await serviceOn(server.url, { ttl, warn }),
    await serviceOn({ url: urlOf(server, 'mute') }, { ttl, warn }),
    await serviceOn(server.url, { ttl, warn }), // whom the one before cannot tell
    await serviceOn({ url: urlOf(server, 'deaf') }, { ttl, warn }),
    await serviceOn({ url: server.url, notifications: false }, { ttl, warn }),
  ];
  let hasStoodStill = false; // then the one who could not be told may be too late for its turn
  const stopLooking = onStandstill(({ from, to }) => (hasStoodStill ||= to - from > 1_000));
  const lock = await services[0]!.acquire('k');
  const served: number[] = [];
  const waiting: Promise<unknown>[] = [];
  for (const [i, locks] of services.entries()) {
    waiting.push(locks.run('k', () => served.push(i)));
    await queued(server, 'k', i + 1);
  }
  await told(server, 'k', 2);
  await lock.release();
  await Promise.all(waiting);
  stopLooking();
  expect(hasStoodStill ? [...served].sort() : served).toEqual([0, 1, 2, 3, 4, 5]);
  expect(warn).not.toHaveBeenCalled(); // of a release that failed
  expect(warned()).toHaveLength(2);
});
