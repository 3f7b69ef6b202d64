import { checkDuration, checkNames, expected } from '../../core/checks';
import { LockConfigError } from '../../core/errors';
import type { Duration } from '../../core/options';
import { show } from '../../core/show';
import type { Recipe } from './contenders';
import { RECIPES } from './contenders';
import { faultOf } from './paths';

/** Options of `zookeeperBackend`. */
export interface ZooKeeperBackendOptions {
  /**
   * The servers, and perhaps the folder that everything happens in (chroot), which must be there: `'zk1:2181,zk2:2181/app'`.
   * Without a port: 2181.
   */
  connect: string;
  /**
   * How long a session outlives its process, and with it the locks; the `ttl` of a lock means nothing here. The server may
   * shorten or lengthen it (to 2 to 20 of its ticks, unless set otherwise). Default: `'10s'`.
   */
  sessionTimeout?: Duration;
  /** The node below which there is one for each key. Default: `'/nestlock'`. */
  root?: string;
  /** `'user:password'` of the scheme `digest`. The nodes above those of claims are then made for this user only. */
  auth?: string;
  /**
   * Which recipe of Apache Curator has the same nodes: `'readWrite'` (`InterProcessReadWriteLock`), or `'mutex'`
   * (`InterProcessMutex`), which knows exclusive locks only. Default: `'readWrite'`.
   */
  curator?: 'readWrite' | 'mutex';
  /** How long ZooKeeper may take to answer before it counts as unavailable. Default: `'2s'`. */
  commandTimeout?: Duration;
  /** Further options for the client, such as `host_order_deterministic` or `debug_level`. */
  options?: object;
}

const NAMES = [
  'connect',
  'sessionTimeout',
  'root',
  'auth',
  'curator',
  'commandTimeout',
  'options',
] satisfies readonly (keyof ZooKeeperBackendOptions)[];

/** Options that have been checked. */
export interface ZooKeeperSettings {
  /** As it was given, for messages. */
  readonly connect: string;
  readonly servers: readonly { readonly host: string; readonly port: number }[];
  /** The folder that everything happens in; empty for none. */
  readonly chroot: string;
  readonly sessionTimeout: number;
  readonly root: string;
  readonly auth: string | undefined;
  readonly recipe: Recipe;
  readonly commandTimeout: number;
  readonly options: object;
}

/** @throws LockConfigError */
export function checkZooKeeperOptions(target: string | ZooKeeperBackendOptions): ZooKeeperSettings {
  if (typeof target === 'string') return checkZooKeeperOptions({ connect: target });
  if (typeof target !== 'object' || target === null) {
    throw new LockConfigError(
      `Expected zookeeperBackend() to be given addresses such as "localhost:2181", or options, got ${show(target)}.` +
        (target == null ? ' Is an environment variable unset?' : ''),
    );
  }
  checkNames('zookeeperBackend', target, NAMES);
  const { connect, sessionTimeout = '10s', root = '/nestlock', auth, curator = 'readWrite' } = target;
  const { commandTimeout = '2s', options = {} } = target;
  return {
    ...checkConnect(connect),
    sessionTimeout: Math.ceil(checkDuration('sessionTimeout', sessionTimeout, 100)),
    root: checkRoot(root),
    auth: checkAuth(auth),
    recipe: checkRecipe(curator),
    commandTimeout: checkDuration('commandTimeout', commandTimeout, 10),
    options: checkObject(options),
  };
}

function checkConnect(connect: unknown): Pick<ZooKeeperSettings, 'connect' | 'servers' | 'chroot'> {
  const wrong = expected(
    'connect',
    'addresses such as "zk1:2181,zk2:2181", perhaps with a folder behind, "/app"',
    connect,
  );
  if (typeof connect !== 'string') throw wrong;
  const slash = connect.indexOf('/');
  const chroot = slash < 0 ? '' : connect.slice(slash);
  const servers = connect
    .slice(0, slash < 0 ? undefined : slash)
    .split(',')
    .map((address) => {
      const { host, port = '2181' } = ADDRESS.exec(address.trim())?.groups ?? {};
      if (host === undefined || Number(port) < 1 || Number(port) > 65_535) throw wrong;
      return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
    });
  const fault = chroot === '' ? undefined : faultOf(chroot);
  if (fault !== undefined)
    throw new LockConfigError(`Expected "connect" to end with a path, got ${show(chroot)}, ${fault}`);
  return { connect, servers, chroot: chroot === '/' ? '' : chroot };
}

const ADDRESS = /^(?<host>\[[\da-f:.%]+\]|[\w.-]+)(:(?<port>\d+))?$/i;

function checkRoot(root: unknown): string {
  const fault = typeof root === 'string' ? faultOf(root) : 'which is no text';
  if (fault === undefined) return root as string;
  throw new LockConfigError(`Expected "root" to be a path such as "/nestlock", got ${show(root)}, ${fault}`);
}

function checkAuth(auth: unknown): string | undefined {
  if (auth === undefined || (typeof auth === 'string' && /^[^:]+:./s.test(auth))) return auth;
  throw new LockConfigError(
    `Expected "auth" to be "user:password", got ${typeof auth === 'string' ? 'a text that is not' : show(auth)}`,
  );
}

function checkRecipe(curator: unknown): Recipe {
  if (curator === 'readWrite' || curator === 'mutex') return RECIPES[curator];
  throw expected('curator', '"readWrite" or "mutex"', curator);
}

function checkObject(options: unknown): object {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return options;
  throw expected('options', "an object with the client's options", options);
}
