import { LockConfigError } from 'nestlock';
import { bootWith } from './support';

const target = 'localhost:2181';
const failure = (message: string, code: string): Error => Object.assign(new Error(message), { code });

beforeEach(() => jest.resetModules());

/** Expects that the boot fails, with this to say. */
async function expectAdvice(advice: string): Promise<void> {
  const boot = bootWith(target);
  await expect(boot).rejects.toThrow(advice);
  await expect(boot).rejects.toBeInstanceOf(LockConfigError);
}

test('without the package "zookeeper" the boot fails, and says what to install', async () => {
  jest.doMock('zookeeper', () => {
    throw failure("Cannot find module 'zookeeper'\nRequire stack:\n- /app/main.js", 'MODULE_NOT_FOUND');
  });
  await expectAdvice('zookeeperBackend() needs the package "zookeeper". Run: npm install zookeeper');
});

test.each([
  ['was not built', failure("Cannot find module '../build/zookeeper.node'\nRequire stack:\n- /x", 'MODULE_NOT_FOUND')],
  [
    'was built for another version of Node.js',
    failure('The module was compiled against another.', 'ERR_DLOPEN_FAILED'),
  ],
])('with a native part that %s the boot fails, and says what to do', async (_, error) => {
  jest.doMock('zookeeper', () => {
    throw error;
  });
  await expectAdvice(
    'The package "zookeeper" is installed, but its native part cannot be loaded ' +
      `(${error.message.split('\n')[0]!.replace(/\.$/, '')}). It is built at install with Python 3, make and a C++ compiler`,
  );
});

test.each(['6.1.0', '4.9.3', '8.0.0'])('with version %s the boot fails, and says what to install', async (version) => {
  jest.doMock('zookeeper', () => class {});
  jest.doMock('zookeeper/package.json', () => ({ version }));
  await expectAdvice(
    `zookeeperBackend() works with version 7 of the package "zookeeper", found ${version}. Run: npm install zookeeper@7`,
  );
});
