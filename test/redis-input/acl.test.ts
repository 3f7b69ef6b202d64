import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockService } from 'nestlock';
import { redisBackend } from 'nestlock/redis';
import { startCluster } from '../servers/cluster';
import type { RedisServer } from '../servers/redis';
import { startRedis } from '../servers/redis';
import { until } from '../servers/until';
import { bootWith } from './refusals';

/** As docs/backends/redis.md gives it to users. */
const [rules] = /(?<=^ACL SETUSER locks ).*$/m.exec(
  readFileSync(join(__dirname, '../../docs/backends/redis.md'), 'utf8'),
)!;

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server?.stop());

async function urlFor(...more: string[]): Promise<string> {
  await server.command('acl', 'setuser', 'locks', 'reset', ...rules.split(' '), '>pw', ...more);
  return `redis://locks:pw@${server.host}:${server.port}`;
}

test('with what the documentation allows, locks are granted, waited for, handed on and renewed', async () => {
  const url = await urlFor();
  expect(await bootWith(url)).toEqual([]);
  const [a, b, c] = [1, 2, 3].map(() => new LockService({ backend: redisBackend(url), ttl: '6s' }));
  const first = await a!.acquire('k');
  const waiting = b!.acquire('k', { mode: 'shared' });
  const limited = c!.acquire('k', { permits: 2 });
  await until('subscriptions', async () => {
    const channels = (await server.command('pubsub', 'channels', 'nestlock:wake:*')) as string[];
    return channels.length === 2;
  });
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(first.held).toBe(true);
  await first.release();
  await (await waiting).release();
  await (await limited).release();
  await Promise.all([a, b, c].map((each) => each!.close()));
});

test('the same on a Cluster, with what it needs besides', async () => {
  const cluster = await startCluster();
  try {
    const more = ['>pw', '+cluster|slots', '+cluster|info'];
    for (const node of cluster.nodes) await node.command('acl', 'setuser', 'locks', ...rules.split(' '), ...more);
    const redisOptions = { username: 'locks', password: 'pw' };
    const target = { cluster: cluster.nodes.map(({ host, port }) => ({ host, port })), options: { redisOptions } };
    expect(await bootWith(target)).toEqual([]);
    const [a, b] = [1, 2].map(() => new LockService({ backend: redisBackend(target) }));
    const first = await a!.acquire('k');
    const waiting = b!.acquire('k');
    await first.release();
    await (await waiting).release();
    await Promise.all([a, b].map((each) => each!.close()));
  } finally {
    await cluster.stop();
  }
});

test('keys of another prefix are refused, with what to do', async () => {
  const url = await urlFor();
  const locks = new LockService({ backend: redisBackend(url), prefix: 'other:' });
  await expect(locks.acquire('k')).rejects.toThrow(
    /NOPERM .*Allow this user EVALSHA, EVAL, the commands in the scripts/,
  );
  await locks.close();
});

test('without channels those who wait ask, and one warning says so', async () => {
  const url = await urlFor('resetchannels');
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation();
  const [a, b] = [1, 2].map(() => new LockService({ backend: redisBackend(url), ttl: '60s' }));
  const first = await a!.acquire('k');
  const waiting = b!.acquire('k');
  await until('a warning', () => warn.mock.calls.length > 0);
  const start = performance.now();
  await first.release();
  await (await waiting).release();
  expect(performance.now() - start).toBeLessThan(10_000); // a third of the ttl is 20 s
  await Promise.all([a, b].map((each) => each!.close()));
  const said = warn.mock.calls.map(([message]) => String(message));
  warn.mockRestore();
  expect(said).toEqual([expect.stringContaining('Allow the user SUBSCRIBE and PUBLISH on "nestlock:wake:*"')]);
});
