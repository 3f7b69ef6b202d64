import { redisBackend } from '../../lib/backends/redis';
import { LockService } from '../../lib/core/lock-service';
import type { RedisServer } from '../servers/redis';
import { startRedis } from '../servers/redis';
import { until } from '../servers/until';

let server: RedisServer;
let successor: RedisServer;

beforeAll(async () => {
  [server, successor] = await Promise.all([startRedis(), startRedis()]);
});
afterAll(() => Promise.all([server.stop(), successor.stop()]));

async function connectionIds(): Promise<string[]> {
  const list = (await server.command('client', 'list')) as string;
  return list.split('\n').flatMap((line) => (line.includes('cmd=evalsha') ? [/^id=(\d+)/.exec(line)![1]!] : []));
}

test.each(['free', 'waited for'])(
  'a primary that becomes a replica is left, and the address looked up anew: %s lock',
  async (state) => {
    const backend = redisBackend({ url: server.url, commandTimeout: '1s' });
    const locks = new LockService({ backend });
    await backend.open!();
    try {
      await locks.run('k', async () => undefined);
      if (state === 'waited for') await server.command('zadd', '{nestlock:k}:queue', 1, 'somebody');
      const [before] = await connectionIds();
      await server.command('replicaof', successor.host, successor.port);
      await expect(locks.run('k', async () => undefined)).rejects.toMatchObject({
        code: 'LOCK_UNAVAILABLE',
        message: expect.stringContaining('This is a replica'),
      });
      expect(await connectionIds()).not.toContain(before);
      await server.command('replicaof', 'no', 'one');
      await until('a lock from the primary', () => locks.run('k', async () => true));
    } finally {
      await server.command('replicaof', 'no', 'one');
      await server.command('flushall');
      await backend.close!();
    }
  },
);
