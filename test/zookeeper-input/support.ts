import { LockModule, LockService } from 'nestlock';
import type { ZooKeeperBackendOptions } from 'nestlock/zookeeper';
import { zookeeperBackend } from 'nestlock/zookeeper';
import { boot, log } from '../nest/support';

/** Boots an application with these locks. Resolves to what the log said; rejects as the boot does. */
export async function bootWith(target: string | ZooKeeperBackendOptions): Promise<string[]> {
  const app = await boot({ imports: [LockModule.forRoot({ backend: zookeeperBackend(target) })] });
  await app.close();
  return log.warnings;
}

/** Gives a lock to the body, by a service with these locks and keys as they are. */
export async function withLocks<T>(
  target: string | ZooKeeperBackendOptions,
  body: (locks: LockService) => Promise<T>,
): Promise<T> {
  const locks = new LockService({ backend: zookeeperBackend(target), prefix: '', shutdownTimeout: 0 });
  try {
    return await body(locks);
  } finally {
    await locks.close();
  }
}
