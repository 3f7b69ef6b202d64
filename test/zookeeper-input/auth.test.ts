import type { ZooKeeperBackendOptions } from 'nestlock/zookeeper';
import type { ZooKeeperServer } from '../servers/zookeeper';
import { startZooKeeper } from '../servers/zookeeper';
import { Eye } from './eye';
import { bootWith, withLocks } from './support';

const ADA = 'ada:right';

let server: ZooKeeperServer;
let ada: Eye;
let nobody: Eye;
const options = (root: string, auth?: string): ZooKeeperBackendOptions => ({
  connect: server.connectString,
  commandTimeout: '1m', // nobody waits that long
  root,
  ...(auth === undefined ? {} : { auth }),
});

beforeAll(async () => {
  server = await startZooKeeper();
  [ada, nobody] = await Promise.all([Eye.open(server.connectString, ADA), Eye.open(server.connectString)]);
});
afterAll(async () => {
  ada?.close();
  nobody?.close();
  await server?.stop();
});

describe('a root that belongs to somebody', () => {
  beforeAll(() => ada.createOwned('/owned'));

  test.each([
    ['nobody in particular', undefined],
    ['a wrong password', 'ada:wr0ng'],
    ['another user', 'bob:right'],
  ])('%s: the boot fails, locks are unavailable, and both say what to do', async (_, auth) => {
    const boot = bootWith(options('/owned', auth));
    await expect(boot).rejects.toThrow(
      /^ZooKeeper cannot be used: .*The ACL of this node does not allow it: check "auth", or choose another "root"\.$/,
    );
    await expect(boot).rejects.toMatchObject({ name: 'LockConfigError' });
    await expect(boot).rejects.not.toThrow(/wr0ng|right/);
    await withLocks(options('/owned', auth), async (locks) => {
      const claim = locks.acquire('a');
      await expect(claim).rejects.toThrow(/"a" could not be asked for: .*check "auth", or choose another "root"\.$/);
      await expect(claim).rejects.toMatchObject({ name: 'LockUnavailableError' });
    });
  });

  test('its owner boots without a word, and has locks', async () => {
    expect(await bootWith(options('/owned', ADA))).toEqual([]);
    await withLocks(options('/owned', ADA), async (locks) => {
      await (await locks.acquire('a')).release();
    });
  });
});

test('what is made with "auth" can be used by that user only', async () => {
  await withLocks(options('/new/root', ADA), async (locks) => {
    const lock = await locks.acquire('a');
    const [name] = await ada.children('/new/root/a');
    for (const path of ['/new/root', '/new/root/a', '/new/root/%sessions']) {
      await expect(nobody.children(path)).rejects.toThrow('not authenticated');
      await expect(nobody.create(`${path}/x`, true)).rejects.toThrow('not authenticated');
      await expect(nobody.data(path)).rejects.toThrow('not authenticated');
    }
    await expect(nobody.remove(`/new/root/a/${name}`)).rejects.toThrow('not authenticated');
    expect(lock.held).toBe(true);
    await lock.release();
    // The root is theirs, what is above it everybody's.
    expect(await nobody.children('/new')).toEqual(['root']);
    await withLocks(options('/new/root', ADA), async (others) => {
      await (await others.acquire('a')).release();
    });
    await withLocks(options('/new/root'), async (others) => {
      await expect(others.acquire('a')).rejects.toMatchObject({ name: 'LockUnavailableError' });
    });
  });
});

test('what is made without "auth" can be used by everybody, with and without', async () => {
  await withLocks(options('/open'), async (locks) => {
    const lock = await locks.acquire('a');
    await withLocks(options('/open', ADA), async (others) => {
      expect(await others.tryAcquire('a')).toBeNull();
      await lock.release();
      await (await others.acquire('a')).release();
    });
  });
});

test('a lock’s node that belongs to somebody else: that lock is unavailable, others are not', async () => {
  await withLocks(options('/mixed'), async (locks) => {
    await (await locks.acquire('a')).release();
    await ada.createOwned('/mixed/b');
    const claim = locks.acquire('b');
    await expect(claim).rejects.toThrow(/"b" could not be asked for: .*The ACL of this node does not allow it/);
    await expect(claim).rejects.toMatchObject({ name: 'LockUnavailableError' });
    await (await locks.acquire('a')).release();
  });
});
