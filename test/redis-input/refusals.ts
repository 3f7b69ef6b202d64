import { Cluster, Redis } from 'ioredis';
import { LockModule, LockService } from 'nestlock';
import type { RedisBackendOptions, RedisClient } from 'nestlock/redis';
import { redisBackend } from 'nestlock/redis';
import { boot, log } from '../nest/support';
import type { RedisCluster } from '../servers/cluster';
import { startCluster } from '../servers/cluster';
import type { RedisServer } from '../servers/redis';
import { startRedis } from '../servers/redis';
import type { SentinelGroup } from '../servers/sentinel';
import { startSentinel } from '../servers/sentinel';
import { until } from '../servers/until';

/** What a user says; the server knows "ada" with the password "right". */
const WRONG = {
  'a wrong password': { username: 'ada', password: 'wr0ng' },
  'no password': {},
  'a wrong user': { username: 'bob', password: 'wr0ng' },
};
const RIGHT = { username: 'ada', password: 'right' };

type Credentials = Partial<typeof RIGHT>;

const USERS = ['user default off', `user ada on >${RIGHT.password} ~* &* +@all`];

/** Boots an application with these locks. Resolves to what the log said; rejects as the boot does. */
export async function bootWith(target: string | RedisClient | RedisBackendOptions): Promise<string[]> {
  const app = await boot({ imports: [LockModule.forRoot({ backend: redisBackend(target) })] });
  await app.close();
  return log.warnings;
}

/** Credentials that are refused, on their way through every kind of set-up, with the installed version of ioredis. */
export function refusals(): void {
  let server: RedisServer;
  let cluster: RedisCluster;
  let group: SentinelGroup;
  const services: LockService[] = [];
  const clients: { disconnect(): void }[] = [];
  const own = <T extends Redis | Cluster>(client: T): T => {
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  };

  beforeAll(async () => {
    [server, cluster, group] = await Promise.all([startRedis({ conf: USERS }), startCluster(), startSentinel()]);
    for (const node of cluster.nodes) await node.command('acl', 'setuser', 'ada', 'on', '>right', '~*', '&*', '+@all');
    for (const node of cluster.nodes) await node.command('acl', 'setuser', 'default', 'off');
    for (const node of group.nodes) await node.command('acl', 'setuser', 'ada', 'on', '>right', '~*', '&*', '+@all');
    for (const node of group.nodes) await node.command('acl', 'setuser', 'default', 'off');
  });
  afterEach(async () => {
    await Promise.all(services.splice(0).map((locks) => locks.close()));
    for (const client of clients.splice(0)) client.disconnect();
  });
  afterAll(() => Promise.all([server, cluster, group].map((each) => each?.stop())));

  const at = ({ host, port }: RedisServer): { host: string; port: number } => ({ host, port });
  const ways: Record<string, (as: Credentials) => RedisClient | RedisBackendOptions | string> = {
    'a URL': ({ username = '', password = '' }) => {
      const user = username === '' ? '' : `${username}:${password}@`;
      return `redis://${user}${server.host}:${server.port}`;
    },
    options: (as) => ({ options: { ...at(server), ...as } }),
    'a client': (as) => own(new Redis({ ...at(server), ...as })),
    'a client that connects when it is used': (as) => own(new Redis({ ...at(server), ...as, lazyConnect: true })),
    sentinels: (as) => ({ sentinels: group.sentinels.map(at), name: group.name, options: as }),
    'a Cluster': (as) => ({ cluster: cluster.nodes.map(at), options: { redisOptions: as } }),
    'a client of a Cluster': (as) => own(new Cluster(cluster.nodes.map(at), { redisOptions: as })),
  };

  describe.each(Object.entries(ways))('%s', (_, target) => {
    test.each(Object.entries(WRONG))('with %s fails the boot, and says what to do', async (_what, credentials) => {
      const error: Error = await bootWith(target(credentials)).then(
        () => new Error('It has booted'),
        (caught: Error) => caught,
      );
      expect(error.message).toMatch(/^Redis refuses \((.* )?(NOAUTH|WRONGPASS) .*\): check user and password\.$/);
      expect(error.name).toBe('LockConfigError');
      expect(error.message).not.toMatch(/wr0ng/);
    });

    test('with the right ones boots without a word', async () => {
      expect(await bootWith(target(RIGHT))).toEqual([]);
    });
  });

  test.each(Object.keys(ways))('those who wait are told of their turn: %s', async (way) => {
    const nodes = [server, ...cluster.nodes, ...group.nodes];
    const eyes = nodes.map(({ host, port }) => own(new Redis({ host, port, ...RIGHT })));
    const told = async (eye: Redis): Promise<boolean> => (await eye.pubsub('CHANNELS', 'nestlock:wake:*')).length > 0;
    const locks = new LockService({
      backend: redisBackend(ways[way]!(RIGHT)),
      maxLocalHandoffs: 0,
      shutdownTimeout: 0,
    });
    services.push(locks);
    const lock = await locks.acquire('k');
    const waiting = locks.acquire('k');
    waiting.catch(() => undefined);
    await until('a subscription', async () => (await Promise.all(eyes.map(told))).includes(true));
    await lock.release();
    await (await waiting).release();
  });

  test('a client that was refused before', async () => {
    const client = own(new Redis({ ...at(server), ...WRONG['a wrong password'] }));
    await until('a refusal', () => client.status === 'reconnecting');
    await expect(bootWith(client)).rejects.toThrow('check user and password');
  });

  test('whose boot has failed leaves no connections, and a client open', async () => {
    const admin = own(new Redis({ ...at(server), ...RIGHT }));
    const count = async (): Promise<number> => ((await admin.client('LIST')) as string).trim().split('\n').length;
    const client = own(new Redis({ ...at(server), ...RIGHT }));
    await client.ping();
    await expect(bootWith(ways['options']!({}))).rejects.toThrow();
    await expect(bootWith({ client, commandTimeout: '1s' })).resolves.toEqual([]);
    await until('two connections, both ours', async () => (await count()) === 2);
    expect(client.status).toBe('ready');
  });
}
