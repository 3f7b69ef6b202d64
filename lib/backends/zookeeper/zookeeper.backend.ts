import type { Claim, Grant, LockBackend } from '../../core/backend';
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
  #opening: Promise<ZooKeeperStore> | undefined;
  /** The same, as soon as it is there. */
  #store: ZooKeeperStore | undefined;

  constructor(private readonly settings: ZooKeeperSettings) {}

  async open(): Promise<string | undefined> {
    const store = await this.#open();
    try {
      return await checkServer(store.sessions, this.settings);
    } catch (error) {
      if (this.#store === store) await this.close(); // it may have been closed and opened again meanwhile
      throw error;
    }
  }

  acquire(claim: Claim): Promise<Grant | null> {
    return this.#store ? this.#store.acquire(claim) : this.#open().then((store) => store.acquire(claim));
  }

  async renew(grants: readonly Grant[]): Promise<readonly (number | null | undefined)[]> {
    const store = await this.#open();
    return store.renew(grants);
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = this.#store = undefined;
    await (await opening)?.close();
  }

  #open(): Promise<ZooKeeperStore> {
    if (this.#opening) return this.#opening;
    const opening: Promise<ZooKeeperStore> = loadDriver().then(
      (Driver) => {
        const store = new ZooKeeperStore(Driver, this.settings);
        if (this.#opening === opening) this.#store = store; // it may have been closed meanwhile
        return store;
      },
      (error: unknown) => {
        if (this.#opening === opening) this.#opening = undefined;
        throw error;
      },
    );
    return (this.#opening = opening);
  }
}
