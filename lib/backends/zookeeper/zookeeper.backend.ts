import type { Claim, Grant, LockBackend } from '../../core/backend';
import { Opening } from '../../core/opening';
import { checkServer } from './check-server';
import { loadDriver } from './driver';
import type { ZooKeeperBackendOptions, ZooKeeperSettings } from './options';
import { checkZooKeeperOptions } from './options';
import { ZooKeeperStore } from './store';

/**
 * Locks in ZooKeeper 3.5 or newer. Each claim is an ephemeral sequential node that watches only the one before it
 * (https://zookeeper.apache.org/doc/current/recipes.html#sc_recipes_Locks), named as Apache Curator names its nodes, so that
 * services in Java can share the locks. They last as long as the session of their process.
 *
 * @param target - addresses such as `'zk1:2181,zk2:2181'`, or options
 * @throws LockConfigError when that is neither
 */
export function zookeeperBackend(target: string | ZooKeeperBackendOptions): LockBackend {
  return new ZooKeeperBackend(checkZooKeeperOptions(target));
}

class ZooKeeperBackend implements LockBackend {
  readonly name = 'zookeeper';
  readonly #store = new Opening(async () => new ZooKeeperStore(await loadDriver(), this.settings));

  constructor(private readonly settings: ZooKeeperSettings) {}

  async open(): Promise<string | undefined> {
    const store = await this.#store.get();
    try {
      return await checkServer(store.sessions, this.settings);
    } catch (error) {
      if (this.#store.opened === store) await this.close(); // it may have been closed and opened again meanwhile
      throw error;
    }
  }

  acquire(claim: Claim): Promise<Grant | null> {
    const { opened } = this.#store;
    return opened ? opened.acquire(claim) : this.#store.get().then((store) => store.acquire(claim));
  }

  async renew(grants: readonly Grant[]): Promise<readonly (number | null | undefined)[]> {
    const store = await this.#store.get();
    return store.renew(grants);
  }

  async close(): Promise<void> {
    const store = await this.#store.take();
    await store?.close();
  }
}
