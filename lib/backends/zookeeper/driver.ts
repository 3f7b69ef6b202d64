import { createRequire } from 'node:module';
import { LockConfigError } from '../../core/errors';
import type { ZooKeeperClient } from './client';

/** What the package `zookeeper` exports, as far as it is used. */
export type Driver = new (config: object) => ZooKeeperClient;

/** Versions of it that this was built and tested with. */
const SUPPORTED = ['7'];

/** Loads the package `zookeeper`. @throws LockConfigError */
export async function loadDriver(): Promise<Driver> {
  try {
    checkVersion(); // first: one that was not built may be another version as well
    const module = (await import('zookeeper')) as unknown as { default: Driver };
    return module.default;
  } catch (cause) {
    if (cause instanceof LockConfigError) throw cause;
    throw new LockConfigError(adviceFor(cause as Error & { code?: string }), { cause });
  }
}

function checkVersion(): void {
  const { version } = createRequire(__filename)('zookeeper/package.json') as { version: string };
  if (SUPPORTED.includes(version.split('.')[0]!)) return;
  throw new LockConfigError(
    `zookeeperBackend() works with version 7 of the package "zookeeper", found ${version}. Run: npm install zookeeper@7`,
  );
}

function adviceFor({ code, message }: Error & { code?: string }): string {
  const isMissing = /MODULE_NOT_FOUND/.test(code ?? '') && /'zookeeper(\/package\.json)?'/.test(message);
  if (isMissing) return 'zookeeperBackend() needs the package "zookeeper". Run: npm install zookeeper';
  const said = message.split('\n', 1)[0]!.replace(/\.$/, '');
  return (
    `The package "zookeeper" is installed, but its native part cannot be loaded (${said}). It is built at install with ` +
    'Python 3, make and a C++ compiler, if npm may run its install script. Install these and run: npm install-scripts ' +
    'approve zookeeper (npm 11 or newer), then: npm rebuild zookeeper'
  );
}
