import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';
import { LockUnavailableError } from 'nestlock';
import { freePort, HOST } from '../servers/ports';
import { until } from '../servers/until';
import { startZooKeeper, ZooKeeperServer, javaWithZooKeeper } from '../servers/zookeeper';
import { bootWith, withLocks } from './support';

const NOT_YET = /^ZooKeeper is not available yet \(.*\): until it is, every lock fails with LockUnavailableError\.$/;
const commandTimeout = 500;
/** More than any `commandTimeout` of these tests, and than a slow machine needs besides. */
const IN_TIME = 5_000;

/** Expects that locks fail as those do that cannot be asked for, and soon enough. */
async function expectUnavailable(connect: string, why: RegExp): Promise<void> {
  await withLocks({ connect, commandTimeout }, async (locks) => {
    for (let i = 0; i < 2; i++) {
      const start = performance.now();
      const claims = [locks.acquire('a'), locks.acquire('a', { mode: 'shared' }), locks.tryAcquire('b')];
      for (const claim of await Promise.allSettled(claims)) {
        expect(claim).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(why) } });
        expect((claim as PromiseRejectedResult).reason).toBeInstanceOf(LockUnavailableError);
      }
      expect(performance.now() - start).toBeLessThan(IN_TIME);
    }
  });
}

describe('no ZooKeeper there: the boot warns, and locks are unavailable in time', () => {
  const servers: Server[] = [];
  /** The address of something that listens. */
  const listening = async (server: Server): Promise<string> => {
    servers.push(server);
    await once(server.listen(0, HOST), 'listening');
    return `${HOST}:${(server.address() as AddressInfo).port}`;
  };

  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  const PLACES: Record<string, () => Promise<string>> = {
    'a port that nobody listens on': async () => {
      const connect = await listening(createServer());
      servers.pop()!.close();
      return connect;
    },
    'a server that hangs up': () => listening(createServer((socket) => socket.destroy())),
    'a server that says nothing': () => listening(createServer((socket) => socket.on('error', () => undefined))),
    'a server that speaks HTTP': () => listening(createHttpServer((_, response) => response.end('hello'))),
  };

  test.each(Object.keys(PLACES))('%s', async (place) => {
    const connect = await PLACES[place]!();
    expect(await bootWith({ connect, commandTimeout })).toEqual([expect.stringMatching(NOT_YET)]);
    await expectUnavailable(
      connect,
      /"[ab]" could not be asked for: There was no connection to ZooKeeper within 500 ms/,
    );
  });

  test('a host name that leads nowhere', async () => {
    const [warning] = await bootWith({ connect: 'zookeeper.invalid', commandTimeout });
    expect(warning).toMatch(NOT_YET);
    expect(warning).toContain('The names in "zookeeper.invalid" lead to no server');
    await expectUnavailable('zookeeper.invalid', /The names in "zookeeper\.invalid" lead to no server\.$/);
  });
});

describe('a ZooKeeper that comes later', () => {
  test('is used as soon as it is there', async () => {
    const placeholder = createServer((socket) => socket.destroy());
    const port = await freePort();
    await once(placeholder.listen(port, HOST), 'listening');
    const server = new ZooKeeperServer(port, {}, await javaWithZooKeeper());
    try {
      await withLocks({ connect: `${HOST}:${port}`, commandTimeout }, async (locks) => {
        await locks.open();
        await expect(locks.acquire('a')).rejects.toBeInstanceOf(LockUnavailableError);
        placeholder.close();
        await server.start();
        const lock = await until('a lock', () => locks.acquire('a'));
        expect(lock.held).toBe(true);
        await lock.release();
      });
    } finally {
      placeholder.close();
      await server.stop();
    }
  });

  test('is found beside servers that are away, and names that lead nowhere', async () => {
    const server = await startZooKeeper();
    try {
      const away = await startZooKeeper();
      await away.stop();
      for (const other of [away.connectString, 'zookeeper.invalid']) {
        const connect = `${other},${server.connectString}`;
        expect(await bootWith({ connect, commandTimeout: '10s' })).toEqual([]);
        await withLocks({ connect, commandTimeout: '10s' }, async (locks) => {
          await (await locks.acquire('a')).release();
        });
      }
    } finally {
      await server.stop();
    }
  });
});

describe('the time-out of sessions', () => {
  let server: ZooKeeperServer;
  beforeAll(async () => {
    server = await startZooKeeper({ tickTime: 500, conf: ['maxSessionTimeout=5000'] });
  });
  afterAll(() => server?.stop());

  test.each([
    ['1m', 60_000, 5_000],
    [100, 100, 1_000],
  ])(
    'the server does not allow %p: the boot warns, and says what it is instead',
    async (sessionTimeout, asked, got) => {
      expect(await bootWith({ connect: server.connectString, sessionTimeout })).toEqual([
        `ZooKeeper has made it a session of ${got} ms instead of ${asked}: locks of a process that dies are free after that ` +
          'time. Change "sessionTimeout", or minSessionTimeout and maxSessionTimeout of the servers.',
      ]);
    },
  );

  test('the server allows it: no word', async () => {
    expect(await bootWith({ connect: server.connectString, sessionTimeout: '5s' })).toEqual([]);
  });
});
