import { cp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { version } from 'zookeeper/package.json';
import type { ZooKeeperServer } from '../servers/zookeeper';
import { startZooKeeper } from '../servers/zookeeper';
import { makeProject, type Project } from './project';
import { RESOLUTIONS, typeErrors } from './type-check';

const USER = `
import { LockModule } from 'nestlock';
import { zookeeperBackend, type ZooKeeperBackendOptions } from 'nestlock/zookeeper';

const options: ZooKeeperBackendOptions = { connect: 'zk:2181/app', sessionTimeout: '5s', curator: 'mutex' };
export const backends = [
  zookeeperBackend('zk1:2181,zk2:2181'),
  zookeeperBackend(options),
  zookeeperBackend({ connect: 'zk', root: '/locks', auth: 'user:password', commandTimeout: 500, options: {} }),
];
export const module = LockModule.forRoot({ backend: backends[0]! });

// @ts-expect-error
zookeeperBackend(7);
// @ts-expect-error
zookeeperBackend({ root: '/locks' });
// @ts-expect-error
zookeeperBackend({ connect: 'zk', curator: 'semaphore' });
`;

/** Locks, waits, hands on. */
const use = (connect: string): string => `
async function main({ LockService }, { zookeeperBackend }) {
  const [a, b] = [1, 2].map(() => new LockService({ backend: zookeeperBackend('${connect}') }));
  try {
    await a.open();
    const lock = await a.acquire('k');
    const waiting = b.acquire('k');
    await lock.release();
    await (await waiting).release();
    console.log('done');
  } catch ({ name, message }) {
    console.log(name, message);
  }
  await Promise.all([a.close(), b.close()]);
}`;

const forRequire = (connect: string): string =>
  `${use(connect)}\nmain(require('nestlock'), require('nestlock/zookeeper'));`;

describe('nestlock/zookeeper without its driver', () => {
  let project: Project;
  beforeAll(async () => {
    project = await makeProject({ nest: '12' });
    await writeFile(join(project.dir, 'user.ts'), USER);
  }, 300_000);
  afterAll(() => project?.remove());

  it.each(Object.entries(RESOLUTIONS))(
    'has types, for a user with %s',
    (_, resolution) => {
      expect(typeErrors(join(project.dir, 'user.ts'), resolution)).toEqual([]);
    },
    120_000,
  );

  it('has declarations that name no types of the driver', async () => {
    const dist = join(project.dir, 'node_modules/nestlock/dist');
    const files = (await readdir(dist, { recursive: true })).filter((name) => /\.d\.m?ts$/.test(name));
    expect(files).toContain('backends/zookeeper/index.d.ts');
    const texts = await Promise.all(files.map((name) => readFile(join(dist, name), 'utf8')));
    expect(files.filter((_, i) => /(from |import\(|types=)['"]zookeeper/.test(texts[i]!))).toEqual([]);
  });

  it('says what to install when it is used, not before', async () => {
    const source = `
      const backend = require('nestlock/zookeeper').zookeeperBackend('localhost');
      console.log(backend.name);
      backend.open().catch(({ name, message }) => console.log(name, message));`;
    expect(await project.run('no-driver.cjs', source)).toBe(
      'zookeeper\nLockConfigError zookeeperBackend() needs the package "zookeeper". Run: npm install zookeeper\n',
    );
  });
});

describe('nestlock/zookeeper with its driver', () => {
  let project: Project;
  let server: ZooKeeperServer;
  let driver: string;
  beforeAll(async () => {
    server = await startZooKeeper();
    project = await makeProject({ nest: '12', packages: [`zookeeper@${version}`], ignoreScripts: true });
    driver = join(project.dir, 'node_modules/zookeeper');
    await rm(join(driver, 'prebuilds'), { recursive: true, force: true }); // there are some for other systems
  }, 300_000);
  afterAll(async () => {
    await server?.stop();
    await project?.remove();
  });

  it('says what to do when the native part was not built', async () => {
    expect(await project.run('not-built.cjs', forRequire(server.connectString))).toMatch(
      /^LockConfigError The package "zookeeper" is installed, but its native part cannot be loaded \(.+\)\. It is built at /,
    );
  });

  it('works for require and for import, and lets the process end', async () => {
    await cp(join(__dirname, '../../node_modules/zookeeper/build/Release'), join(driver, 'build/Release'), {
      recursive: true,
    });
    expect(await project.run('use.cjs', forRequire(server.connectString))).toBe('done\n');
    const source = `
      import * as nestlock from 'nestlock';
      import * as zookeeper from 'nestlock/zookeeper';
      ${use(server.connectString)}
      await main(nestlock, zookeeper);`;
    expect(await project.run('use.mjs', source)).toBe('done\n');
  });
});
