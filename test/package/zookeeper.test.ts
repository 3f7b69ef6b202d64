import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { version } from 'zookeeper/package.json';
import type { ZooKeeperServer } from '../servers/zookeeper';
import { startZooKeeper } from '../servers/zookeeper';
import { describeDrivers, tryDrivers } from './drivers';
import { describeTypes } from './entries';
import { makeProject, type Project } from './project';
import { zookeeper } from './users';

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

describe('with zookeeper as the only driver', () => {
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

  describeTypes(() => project, { zookeeper });

  it('says what to do when the native part was not built', async () => {
    expect(await project.run('not-built.cjs', forRequire(server.connectString))).toMatch(
      /^LockConfigError The package "zookeeper" is installed, but its native part cannot be loaded \(.+\)\. It is built at /,
    );
  });

  describe('that was built', () => {
    beforeAll(() =>
      cp(join(__dirname, '../../node_modules/zookeeper/build/Release'), join(driver, 'build/Release'), {
        recursive: true,
      }),
    );

    describeDrivers(() => project, ['zookeeper']);

    it('works for require and for import, and lets the process end', async () => {
      expect(await project.run('use.cjs', forRequire(server.connectString))).toBe('done\n');
      const source = `
      import * as nestlock from 'nestlock';
      import * as zookeeper from 'nestlock/zookeeper';
      ${use(server.connectString)}
      await main(nestlock, zookeeper);`;
      expect(await project.run('use.mjs', source)).toBe('done\n');
    });

    it('says what to install when its version is not supported', async () => {
      const file = join(driver, 'package.json');
      const manifest = JSON.parse(await readFile(file, 'utf8')) as object;
      await writeFile(file, JSON.stringify({ ...manifest, version: '6.2.3' }));
      expect(await tryDrivers(project)).toMatchObject({
        zookeeper: {
          boot:
            'LockConfigError: zookeeperBackend() works with version 7 of the package "zookeeper", found 6.2.3. ' +
            'Run: npm install zookeeper@7',
          lock: 'LockConfigError',
        },
      });
    }, 60_000);
  });
});
