import { hostname } from 'node:os';
import { until } from '../servers/until';
import type { ZooKeeperServer } from '../servers/zookeeper';
import { startZooKeeper } from '../servers/zookeeper';
import { Eye } from './eye';
import { bootWith, withLocks } from './support';

let server: ZooKeeperServer;
let eye: Eye;

beforeAll(async () => {
  server = await startZooKeeper();
  eye = await Eye.open(server.connectString);
});
afterAll(async () => {
  eye?.close();
  await server?.stop();
});

describe('a folder behind the addresses (chroot)', () => {
  test('that is not there: the boot fails, locks are unavailable, and both say why', async () => {
    const target = { connect: `${server.connectString}/missing`, commandTimeout: '1m' }; // nobody waits that long
    const boot = bootWith(target);
    await expect(boot).rejects.toThrow(
      /^ZooKeeper cannot be used: .* Is the folder \(chroot\) at the end of "connect" there\?/,
    );
    await expect(boot).rejects.toMatchObject({ name: 'LockConfigError' });
    await withLocks(target, async (locks) => {
      const claim = locks.acquire('a');
      await expect(claim).rejects.toThrow(/"a" could not be asked for: .* Is the folder \(chroot\) .* there\?/);
      await expect(claim).rejects.toMatchObject({ name: 'LockUnavailableError' });
    });
    expect(await eye.children('/')).not.toContain('missing');
  });

  test('that comes later is used without a restart', async () => {
    await withLocks({ connect: `${server.connectString}/later`, sessionTimeout: '2s' }, async (locks) => {
      await expect(locks.acquire('a')).rejects.toMatchObject({ name: 'LockUnavailableError' });
      await eye.create('/later');
      const lock = await until('a lock', () => locks.acquire('a'));
      expect(lock.held).toBe(true);
      await lock.release();
    });
  });

  test('that is there has all nodes in it', async () => {
    await eye.create('/app');
    expect(await bootWith(`${server.connectString}/app`)).toEqual([]);
    await withLocks(`${server.connectString}/app`, async (locks) => {
      const lock = await locks.acquire('a');
      expect(await eye.children('/app')).toEqual(['nestlock']);
      expect(await eye.children('/app/nestlock')).toEqual(['%sessions', 'a']);
      expect(await eye.children('/app/nestlock/a')).toHaveLength(1);
      await lock.release();
      expect(await eye.children('/app/nestlock/a')).toEqual([]);
    });
  });
});

describe('the root', () => {
  test.each([
    ['/', '/a'],
    ['/locks', '/locks/a'],
    ['/deep/down/below/größe', '/deep/down/below/größe/a'],
  ])('%s has the locks below it', async (root, path) => {
    await withLocks({ connect: server.connectString, root }, async (locks) => {
      const lock = await locks.acquire('a', { label: 'night shift' });
      const [name] = await eye.children(path);
      expect(await eye.data(`${path}/${name}`)).toBe(`${hostname()} ${process.pid} night shift`);
      expect(await eye.children(root)).toContain('%sessions');
      await lock.release();
      expect(await eye.children(path)).toEqual([]);
    });
  });

  test('may have been made by others, with other nodes in it', async () => {
    await eye.create('/shared');
    await eye.create('/shared/b');
    await withLocks({ connect: server.connectString, root: '/shared' }, async (locks) => {
      await (await locks.acquire('a')).release();
      await (await locks.acquire('b')).release();
    });
  });
});

describe('keys', () => {
  const KEYS: Record<string, string> = {
    'a slash': 'order/7',
    'nothing but slashes': '//',
    'a dot': '.',
    'two dots': '..',
    'a percent sign': '100%',
    'what looks like an encoded slash': 'order%2F7',
    'the name of the sessions': '%sessions',
    'control characters': '\0 \u0001 \t \n \u001f \u007f \u009f',
    'letters of other scripts': 'größe 日本 שלום',
    'an emoji': '🎫👩‍👩‍👧',
    'private and non-characters': '\ue000\uf8ff\ufff0\ufffd\uffff\u{10ffff}',
    'what a name of ours ends with': '-__WRIT__0000000001',
    'as many characters as there may be': '\ue000'.repeat(1_024),
  };

  test.each(Object.keys(KEYS))('with %s', async (what) => {
    const key = KEYS[what]!;
    await withLocks(server.connectString, async (locks) => {
      const lock = await locks.acquire(key);
      await withLocks(server.connectString, async (others) => {
        expect(await others.tryAcquire(key)).toBeNull();
        await lock.release();
        await (await others.acquire(key)).release();
      });
    });
  });

  test('all of them at once, none of them twice', async () => {
    await withLocks(server.connectString, async (locks) => {
      const lock = await locks.acquire(Object.values(KEYS), { label: '🎫'.repeat(128) });
      expect(lock.held).toBe(true);
      await lock.release();
    });
  });
});
