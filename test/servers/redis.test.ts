import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from './redis';
import { until } from './until';

describe('Redis', () => {
  let redis: RedisServer;
  let client: Redis;
  const open = async (...options: Parameters<typeof startRedis>): Promise<void> => {
    redis = await startRedis(...options);
    client = new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
    client.on('error', () => {});
  };

  afterEach(async () => {
    client?.disconnect();
    await redis?.stop();
  });

  it('starts on a port of its own', async () => {
    await open();
    const other = await startRedis();
    expect(other.port).not.toBe(redis.port);
    await other.stop();
    expect(await client.ping()).toBe('PONG');
    expect(await client.config('GET', 'save')).toEqual(['save', '']);
  });

  it('takes lines of redis.conf, and a password', async () => {
    await open({ password: 'a/b', conf: ['maxmemory-policy allkeys-lru', 'user ada on >pw ~* &* +@all'] });
    expect(await redis.command('config', 'get', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'allkeys-lru']);
    expect(await client.call('AUTH', 'ada', 'pw')).toBe('OK');
    await expect(client.call('AUTH', 'wrong')).rejects.toThrow('WRONGPASS');
  });

  it('is started again, empty, on the same port', async () => {
    await open();
    await client.set('key', 'value');
    const { pid } = redis;
    await redis.kill();
    expect(redis.running).toBe(false);
    expect(() => redis.pid).toThrow('redis does not run');
    await redis.start();
    expect(redis.pid).not.toBe(pid);
    expect(await client.get('key')).toBeNull();
    await client.set('key', 'value');
    await redis.restartEmpty();
    expect(await client.get('key')).toBeNull();
  });

  it('says nothing while it is paused', async () => {
    await open();
    await client.ping();
    redis.pause();
    let answered = false;
    const answer = client.ping().then(() => (answered = true));
    await expect(until('an answer', () => answered, 200)).rejects.toThrow('in vain: an answer');
    redis.resume();
    expect(await answer).toBe(true);
  });

  it('has a clock that can be set', async () => {
    await open({ movableClock: true });
    const ahead = async (): Promise<number> => {
      const [seconds] = await client.time();
      return Number(seconds) - Date.now() / 1_000;
    };
    await client.set('key', 'value', 'PX', 3_000_000);
    expect(Math.abs(await ahead())).toBeLessThan(100);
    redis.setClock(1_000_500);
    expect(Math.abs((await ahead()) - 1_000)).toBeLessThan(100);
    expect(await client.pttl('key')).toBeLessThan(2_000_000);
    redis.setClock(3_000_500);
    expect(await client.get('key')).toBeNull();
    redis.setClock(-1_000_000);
    expect(Math.abs((await ahead()) + 1_000)).toBeLessThan(100);
    // Its timers go by the monotonic clock.
    expect(await client.blpop('nothing', 0.1)).toBeNull();
    expect(() => process.kill(redis.pid, 0)).not.toThrow();
  });

  it('has no such clock unless asked for', async () => {
    await open();
    expect(() => redis.setClock(1)).toThrow('Expected a Redis that was started with "movableClock"');
  });
});
