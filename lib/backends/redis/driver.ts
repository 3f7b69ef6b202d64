import { createRequire } from 'node:module';
import { LockConfigError } from '../../core/errors';
import type { OwnRedisClient } from './client';

/** What ioredis exports, as far as it is used. */
interface Driver {
  readonly Redis: new (...args: unknown[]) => OwnRedisClient;
  readonly Cluster: new (...args: unknown[]) => OwnRedisClient;
}

/** Versions of ioredis that this was built and tested with. */
const SUPPORTED = ['5', '6'];

/** Loads ioredis, which only those need who do not pass a client. @throws LockConfigError */
export async function loadDriver(): Promise<Driver> {
  let module: { default: Driver };
  try {
    module = (await import('ioredis')) as unknown as { default: Driver };
  } catch (cause) {
    throw new LockConfigError('redisBackend() needs the package "ioredis" to connect. Run: npm install ioredis', {
      cause,
    });
  }
  const { version } = createRequire(__filename)('ioredis/package.json') as { version: string };
  if (!SUPPORTED.includes(version.split('.')[0]!)) {
    throw new LockConfigError(
      `redisBackend() works with ioredis 5 and 6, found ${version}. Run: npm install ioredis@6`,
    );
  }
  return module.default;
}
