import { checkDuration, checkInteger, checkNames, expected } from '../../core/checks';
import { LockConfigError } from '../../core/errors';
import type { Duration } from '../../core/options';
import { show } from '../../core/show';
import type { RedisClient } from './client';
import type { Replicas } from './commands';

/** Where a server of a Cluster, or a sentinel, is. */
export interface RedisAddress {
  host: string;
  port: number;
}

/** Options of `redisBackend`. Exactly one of `client`, `url`, `cluster`, `sentinels`; or `options` alone. */
export interface RedisBackendOptions {
  /** A client of ioredis 5 or 6, `Redis` or `Cluster`. It is neither closed nor altered. */
  client?: RedisClient;
  /** Such as `redis://user:password@cache:6379/0`; `rediss://` for TLS. */
  url?: string;
  /** Some nodes of a Cluster, as addresses or URLs; the others are found through them. */
  cluster?: readonly (string | RedisAddress)[];
  /** The sentinels that know which server is the primary. */
  sentinels?: readonly RedisAddress[];
  /** The name that the sentinels know the primary by. Default: `'mymaster'`. */
  name?: string;
  /** Further options for ioredis: of `Cluster` with `cluster`, else of `Redis`. */
  options?: object;
  /**
   * A lock counts as granted or renewed when so many replicas have it (`WAIT`), within `timeout` (default: half the
   * `commandTimeout`). A failover then loses fewer locks, not none. Default: none are asked.
   */
  replicas?: { atLeast: number; timeout?: Duration };
  /** How long Redis may take to answer before it counts as unavailable. Default: `'2s'`. */
  commandTimeout?: Duration;
  /** `false` behind a proxy without pub/sub: who waits then asks again up to 20 times a second. Default: `true`. */
  notifications?: boolean;
}

const NAMES = [
  'client',
  'url',
  'cluster',
  'sentinels',
  'name',
  'options',
  'replicas',
  'commandTimeout',
  'notifications',
] satisfies readonly (keyof RedisBackendOptions)[];

const SOURCES = ['client', 'url', 'cluster', 'sentinels'] as const;

/** Options that have been checked. */
export interface RedisSettings extends Pick<RedisBackendOptions, 'client' | 'url' | 'cluster' | 'sentinels' | 'name'> {
  readonly options: object;
  readonly replicas: Replicas | undefined;
  readonly commandTimeout: number;
  readonly notifications: boolean;
}

/** @throws LockConfigError */
export function checkRedisOptions(target: string | RedisClient | RedisBackendOptions): RedisSettings {
  if (typeof target === 'string') return checkRedisOptions({ url: target });
  if (isClient(target)) return checkRedisOptions({ client: target });
  if (target === undefined || target === null) {
    throw new LockConfigError(
      `Expected redisBackend() to be given a URL such as "redis://localhost:6379", an ioredis client or options, got ` +
        `${show(target)}. Is an environment variable unset?`,
    );
  }
  checkNames('redisBackend', target, NAMES);
  const given = SOURCES.filter((source) => Object.hasOwn(target, source));
  if (given.length > 1 || (given.length === 0 && target.options === undefined)) {
    throw new LockConfigError(
      `Expected redisBackend() to be given one of ${SOURCES.join(', ')}, or options alone, got ` +
        (given.length > 1 ? given.join(' and ') : 'none of them'),
    );
  }
  if (given[0] === 'client' && !isClient(target.client)) throw expected('client', 'a client of ioredis', target.client);
  if (given[0] === 'url') checkUrl('url', target.url);
  if (given[0] === 'cluster') checkList('cluster', target.cluster).forEach((node) => checkNode('cluster', node));
  if (given[0] === 'sentinels')
    checkList('sentinels', target.sentinels).forEach((node) => checkAddress('sentinels', node));
  return {
    ...target,
    options: checkObject('options', target.options ?? {}),
    notifications: checkBoolean('notifications', target.notifications ?? true),
    ...checkTimes(target),
  };
}

function checkTimes({
  commandTimeout = '2s',
  replicas,
}: RedisBackendOptions): Pick<RedisSettings, 'commandTimeout' | 'replicas'> {
  const ms = checkDuration('commandTimeout', commandTimeout, 10);
  if (replicas === undefined) return { commandTimeout: ms, replicas };
  checkNames('"replicas"', replicas, ['atLeast', 'timeout']);
  const timeout = checkDuration('replicas.timeout', replicas.timeout ?? ms / 2, 1);
  if (timeout >= ms) throw expected('replicas.timeout', `shorter than "commandTimeout", which is ${ms} ms`, timeout);
  return {
    commandTimeout: ms,
    replicas: { atLeast: checkInteger('replicas.atLeast', replicas.atLeast, 1, 100), timeout: Math.ceil(timeout) },
  };
}

function isClient(value: unknown): value is RedisClient {
  const { evalsha, duplicate, on } = (value ?? {}) as Partial<RedisClient>;
  return [evalsha, duplicate, on].every((method) => typeof method === 'function');
}

function checkUrl(name: string, value: unknown): void {
  const isUrl = typeof value === 'string' && /^rediss?:\/\//.test(value) && URL.canParse(value);
  if (isUrl || (typeof value === 'string' && value.startsWith('/'))) return;
  const shown = typeof value === 'string' ? value.replace(/\/\/[^/]*@/, '//…@') : value; // it may hold a password
  throw expected(name, 'a URL such as "redis://localhost:6379", or "rediss://…" for TLS', shown);
}

function checkNode(name: string, node: unknown): void {
  if (typeof node === 'string') checkUrl(name, node);
  else checkAddress(name, node);
}

function checkAddress(name: string, value: unknown): void {
  const { host, port } = (value ?? {}) as Partial<RedisAddress>;
  if (typeof host === 'string' && host !== '' && Number.isInteger(port)) return;
  throw expected(name, 'a list of addresses such as { host: "10.0.0.1", port: 6379 }', value);
}

function checkList<T>(name: string, value: readonly T[] | undefined): readonly T[] {
  if (Array.isArray(value) && value.length > 0) return value as readonly T[];
  throw expected(name, 'a list with at least one address', value);
}

function checkObject(name: string, value: unknown): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw expected(name, "an object with ioredis's options", value);
}

function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw expected(name, 'true or false', value);
}
