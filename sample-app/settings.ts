import type { SqlStrategy } from 'nestlock/postgres';
import { chooseStrategy } from './strategies';

/** What the app is told by its environment. */
export interface Settings {
  /** PORT: where the app listens; 0 takes a free one. Default: 3000. */
  readonly port: number;
  /** INVENTORY_URL: where the seats are. `npm start` runs an inventory of its own without it. */
  readonly inventoryUrl: string | undefined;
  /** LOCKING: `on` (default), or `off` to see what happens without locks. */
  readonly locking: boolean;
  /** LOCK_BACKEND: the store of the locks, one of `backends`. Default: `memory`. */
  readonly lockBackend: string;
  /** LOCK_URL: where that store is. Default: where it usually is on this machine. */
  readonly lockUrl: string | undefined;
  /**
   * LOCK_STRATEGY: how a database keeps the locks of seats and accounts. With `transaction` and `optimistic` these are in
   * the same database, else the seats are in the inventory. Default: `lease`; other stores have none.
   */
  readonly lockStrategy: SqlStrategy | undefined;
}

/** @throws Error when a variable has a value that cannot be used */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  // An empty variable is as good as none.
  const read = (name: string): string | undefined => env[name] || undefined;
  const port = Number(read('PORT') ?? 3000);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`Expected PORT to be a number from 0 to 65535, got "${env['PORT']}"`);
  }
  const locking = read('LOCKING') ?? 'on';
  if (locking !== 'on' && locking !== 'off') throw new Error(`Expected LOCKING to be "on" or "off", got "${locking}"`);
  const lockBackend = read('LOCK_BACKEND') ?? 'memory';
  return {
    port,
    inventoryUrl: read('INVENTORY_URL'),
    locking: locking === 'on',
    lockBackend,
    lockUrl: read('LOCK_URL'),
    lockStrategy: chooseStrategy('LOCK_STRATEGY', read('LOCK_STRATEGY'), lockBackend),
  };
}
