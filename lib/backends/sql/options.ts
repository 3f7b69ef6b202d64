import { checkDuration, checkInteger, checkNames, expected } from '../../core/checks';
import { LockConfigError } from '../../core/errors';
import type { Duration } from '../../core/options';
import { show } from '../../core/show';
import { checkTable } from './names';

/**
 * How a lock is kept in the database.
 *
 * - `'lease'`: a row says who has it and until when. It occupies no connection.
 * - `'transaction'`: a row is locked (`SELECT … FOR UPDATE`) by a transaction that the work can write through.
 * - `'optimistic'`: nothing is locked; a transaction that the work writes through commits only if no other has committed
 *   meanwhile, and is run again otherwise.
 */
export type SqlStrategy = 'lease' | 'transaction' | 'optimistic';

const STRATEGIES: readonly SqlStrategy[] = ['lease', 'transaction', 'optimistic'];

/** What the backends of all databases take. Exactly one of `pool` and `url`. */
export interface SqlBackendOptions<Pool> {
  /** A pool of connections, or a `DataSource` of TypeORM. It is neither closed nor altered. */
  pool?: Pool;
  /** A connection string: the pool is ours then. */
  url?: string;
  /** Further options for our own pool, with `url` or alone. */
  options?: object;
  /** Default: `'lease'`. */
  strategy?: SqlStrategy;
  /** The table for the locks, perhaps with its schema: `'app.nestlock'`. Default: `'nestlock'`. */
  table?: string;
  /** `false`: it is there already, made from the exported DDL. Default: `true`, it is made when it is missing. */
  createTable?: boolean;
  /** How long the database may take to answer before it counts as unavailable. Default: `'2s'`. */
  commandTimeout?: Duration;
  /**
   * How many connections the locks of this process may occupy at most; for `'transaction'` and `'optimistic'`. Default: half
   * of the pool.
   */
  maxConnections?: number;
  /** How often work that met a conflict is run at most; for `'optimistic'`. Default: 5. */
  attempts?: number;
}

/** Options that have been checked. */
export interface SqlSettings<Pool> {
  readonly pool: Pool | undefined;
  readonly url: string | undefined;
  readonly options: object;
  readonly strategy: SqlStrategy;
  /** The parts of its name. */
  readonly table: readonly string[];
  readonly createTable: boolean;
  readonly commandTimeout: number;
  readonly maxConnections: number | undefined;
  readonly attempts: number;
}

const NAMES = [
  'pool',
  'url',
  'options',
  'strategy',
  'table',
  'createTable',
  'commandTimeout',
  'maxConnections',
  'attempts',
] satisfies readonly (keyof SqlBackendOptions<never>)[];

/** What the checks must know of a database. */
export interface SqlFamily<Pool> {
  /** The function that is called: `postgresBackend`. */
  readonly caller: string;
  /** What its connection strings look like. */
  readonly urls: RegExp;
  readonly exampleUrl: string;
  readonly driver: string;
  isPool(value: unknown): value is Pool;
  /** Options that only this database has. */
  readonly more: readonly string[];
}

/** @throws LockConfigError */
export function checkSqlOptions<Pool extends object>(
  target: string | Pool | SqlBackendOptions<Pool>,
  family: SqlFamily<Pool>,
): SqlSettings<Pool> {
  const { caller, exampleUrl, driver } = family;
  if (typeof target === 'string') return checkSqlOptions({ url: target }, family);
  if (family.isPool(target)) return checkSqlOptions<Pool>({ pool: target }, family);
  if (typeof target !== 'object' || target === null || typeof (target as { query?: unknown }).query === 'function') {
    throw new LockConfigError(
      `Expected ${caller}() to be given a URL such as "${exampleUrl}", a pool of ${driver}, a DataSource of TypeORM or ` +
        `options, got ${show(target)}.${target == null ? ' Is an environment variable unset?' : ''}`,
    );
  }
  const given = target;
  checkNames(caller, given, [...NAMES, ...family.more]);
  checkSource(given, family);
  const { strategy = 'lease', createTable = true, options = {}, maxConnections, attempts } = given;
  if (!STRATEGIES.includes(strategy)) throw expected('strategy', `one of ${STRATEGIES.join(', ')}`, strategy);
  if (maxConnections !== undefined && strategy === 'lease')
    throw new LockConfigError('Expected "maxConnections" with another strategy than "lease", which occupies none');
  if (attempts !== undefined && strategy !== 'optimistic')
    throw new LockConfigError(`Expected "attempts" with the strategy "optimistic", got it with "${strategy}"`);
  return {
    pool: given.pool,
    url: given.url,
    options,
    strategy,
    table: checkTable(given.table ?? 'nestlock'),
    createTable: checkBoolean('createTable', createTable),
    commandTimeout: checkDuration('commandTimeout', given.commandTimeout ?? '2s', 10),
    maxConnections:
      maxConnections === undefined ? undefined : checkInteger('maxConnections', maxConnections, 1, 10_000),
    attempts: checkInteger('attempts', attempts ?? 5, 1, 1_000),
  };
}

function checkSource<Pool>(given: SqlBackendOptions<Pool>, family: SqlFamily<Pool>): void {
  const { caller, driver, urls, exampleUrl } = family;
  const sources = (['pool', 'url'] as const).filter((name) => Object.hasOwn(given, name));
  if (sources.length === 2 || (sources.length === 0 && given.options === undefined)) {
    throw new LockConfigError(
      `Expected ${caller}() to be given either pool or url, or options alone, got ${sources.join(' and ') || 'none of them'}`,
    );
  }
  const { pool, url, options } = given;
  if (sources[0] === 'pool' && !family.isPool(pool))
    throw expected('pool', `a pool of ${driver} or a DataSource of TypeORM`, pool);
  if (pool && options) throw new LockConfigError('Expected "options" without "pool", which has its own, got both');
  if (options !== undefined && (typeof options !== 'object' || options === null || Array.isArray(options)))
    throw expected('options', `an object with options for a pool of ${driver}`, options);
  if (sources[0] === 'url' && !(typeof url === 'string' && urls.test(url))) {
    const shown = typeof url === 'string' ? url.replace(/^.*@/s, '…@').replace(/\?.*/s, '?…') : url; // no passwords
    throw expected('url', `a URL such as "${exampleUrl}"`, shown);
  }
}

export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw expected(name, 'true or false', value);
}
