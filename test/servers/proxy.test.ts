import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import { freePort } from './ports';
import { startProxy, subscribers, TcpProxy } from './proxy';
import { type RedisServer, startRedis } from './redis';
import { until } from './until';

describe('the proxy', () => {
  let redis: RedisServer;
  let proxy: TcpProxy;
  let client: Redis;
  let subscriber: Redis;
  let heard: string[];

  beforeAll(async () => {
    redis = await startRedis({ password: 'secret' });
  });
  afterAll(() => redis.stop());

  beforeEach(async () => {
    proxy = await startProxy(redis);
    client = connect();
    subscriber = connect();
    heard = [];
    subscriber.on('message', (_, message: string) => message !== 'nothing' && heard.push(message));
    subscriber.on('ready', () => subscriber.subscribe('news').catch(() => {}));
    await until('the subscription', async () => (await publish('nothing')) === 1);
    await client.flushall();
  });
  afterEach(async () => {
    client.disconnect();
    subscriber.disconnect();
    await proxy.close();
  });

  const connect = (): Redis =>
    new Redis(proxy.url, { maxRetriesPerRequest: 0, retryStrategy: () => 20, autoResubscribe: false }).on(
      'error',
      () => {},
    );
  const publish = (message: string) => redis.command('publish', 'news', message);
  const stored = (key: string) => until(`${key} in the store`, () => redis.command('get', key));
  /** Whether there is no answer for a while. */
  const isSilent = async (answer: Promise<unknown>): Promise<boolean> => {
    answer.catch(() => {});
    const silence = new Promise((resolve) => setTimeout(resolve, 150, 'silence'));
    return (await Promise.race([answer, silence])) === 'silence';
  };

  it('passes everything on', async () => {
    expect(proxy.connections).toBe(2);
    const big = 'x'.repeat(3_000_000);
    await client.set('big', big);
    expect((await client.get('big')) === big).toBe(true);
    await publish('hello');
    await until('the message', () => heard.includes('hello'));
    client.disconnect();
    await until('the end of a connection', () => proxy.connections === 1);
  });

  it('cuts all connections, and refuses new ones', async () => {
    proxy.cut();
    await until('the end of the connections', () => proxy.connections === 0 && client.status !== 'ready');
    const refused = new Promise((resolve) => client.on('error', resolve));
    expect(await refused).toMatchObject({ code: 'ECONNREFUSED' });
    await proxy.restore();
    await until('a new connection', () => client.ping());
  });

  it('cuts some connections', async () => {
    const lost = new Promise((resolve) => subscriber.once('close', resolve));
    proxy.cut(subscribers);
    await lost;
    expect(await client.ping()).toBe('PONG');
    await until('a new subscription', async () => (await publish('hello')) === 1 && heard.includes('hello'));
  });

  it('delays', async () => {
    proxy.delay(100);
    const start = performance.now();
    await Promise.all([client.ping(), client.ping()]);
    expect(performance.now() - start).toBeGreaterThan(195);
  });

  it('swallows replies', async () => {
    proxy.drop('replies');
    expect(await isSilent(client.set('key', 'value'))).toBe(true);
    expect(await stored('key')).toBe('value');
    expect(proxy.dropped).toBeGreaterThan(0);
  });

  it('swallows requests', async () => {
    proxy.drop('requests');
    expect(await isSilent(client.set('key', 'value'))).toBe(true);
    expect(await redis.command('get', 'key')).toBeNull();
    await publish('hello');
    await until('the message', () => heard.includes('hello'));
  });

  it('keeps replies', async () => {
    proxy.hold('replies');
    const answers = Promise.all([client.set('key', 'value'), client.get('key')]);
    expect(await isSilent(answers)).toBe(true);
    expect(await stored('key')).toBe('value');
    await proxy.restore();
    expect(await answers).toEqual(['OK', 'value']);
  });

  it('is a black hole in which neither side hears that the other has gone', async () => {
    proxy.drop('both');
    expect(await isSilent(client.set('key', 'value'))).toBe(true);
    const other = connect();
    expect(await isSilent(other.ping())).toBe(true);
    other.disconnect();
    subscriber.disconnect();
    await until('the end of the subscriber', () => subscriber.status === 'end');
    expect(await publish('hello')).toBe(1);
    await proxy.restore();
    await until('the end of the subscription', async () => (await publish('hello')) === 0);
    expect(heard).toEqual([]);
  });

  it('makes a subscriber deaf', async () => {
    proxy.drop('replies', subscribers);
    expect(await publish('hello')).toBe(1);
    await until('a swallowed message', () => proxy.dropped === 1);
    expect(await client.ping()).toBe('PONG');
    await proxy.restore();
    await publish('again');
    await until('the message', () => heard.length > 0);
    expect(heard).toEqual(['again']);
  });

  it('swallows the next message', async () => {
    proxy.dropNext('replies', subscribers);
    await publish('first');
    await until('a swallowed message', () => proxy.dropped === 1);
    await publish('second');
    await until('the message', () => heard.length > 0);
    expect(heard).toEqual(['second']);
  });

  it('puts other words into the mouths of clients', async () => {
    const rewrite = (request: Buffer): Buffer => Buffer.from(request.toString().replace('wrong', 'right'));
    const other = new TcpProxy(redis, await freePort(), { rewrite });
    await other.restore();
    const speaker = new Redis(other.url);
    expect(await speaker.echo('wrong')).toBe('right');
    speaker.disconnect();
    await other.close();
  });

  it('has clients wait for a server that is late', async () => {
    const port = await freePort();
    const other = new TcpProxy({ host: proxy.host, port }, await freePort(), { patience: 5_000 });
    await other.restore();
    const speaker = createConnection(other.port, other.host);
    const answer = text(speaker);
    speaker.write('hello');
    await expect(until('an end', () => speaker.destroyed, 200)).rejects.toThrow('in vain');
    const late = createServer((socket) => socket.end('late'));
    await once(late.listen(port, proxy.host), 'listening');
    expect(await answer).toBe('late');
    late.close();
    const inVain = createConnection(other.port, other.host);
    inVain.on('error', () => {});
    await until('an end', () => inVain.destroyed);
    await other.close();
  });
});
