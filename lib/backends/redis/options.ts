import { checkDuration, checkInteger, checkNames, expected } from '../../core/checks';
import { LockConfigError } from '../../core/errors';
import type { Duration } from '../../core/options';
import { show } from '../../core/show';
import type { RedisClient } from './client';
import type { Replicas } from './commands';

/** Where a server of a Cluster, or a sentinel, is. */
export interface RedisAddress {
  /** A name or an address. */
  host: string;
  /** The TCP port. */
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
  if (typeof target !== 'object' || target === null || 'on' in target) {
    throw new LockConfigError(
      'Expected redisBackend() to be given a URL such as "redis://localhost:6379", a client of ioredis or options, got ' +
        `${show(target)}.${target == null ? ' Is an environment variable unset?' : ''}`,
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
  checkBelonging(target);
  const { options = {}, notifications = true } = target;
  return {
    ...target,
    options: checkObject('options', options),
    notifications: checkBoolean('notifications', notifications),
    ...checkTimes(target),
  };
}

/** What would be ignored silently otherwise. */
function checkBelonging({ client, sentinels, name, options }: RedisBackendOptions): void {
  if (client && options) throw new LockConfigError('Expected "options" without "client", which has its own, got both');
  if (name === undefined) return;
  if (!sentinels) throw new LockConfigError('Expected "name" with "sentinels", got it without them');
  if (typeof name !== 'string' || name === '') throw expected('name', 'a non-empty string', name);
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
  if (isUrl && /^\/?\d*$/.test(new URL(value).pathname)) return; // any other path would be database 0 for ioredis
  if (typeof value === 'string' && value.startsWith('/')) return;
  const shown = typeof value === 'string' ? value.replace(/^.*@/s, '…@').replace(/\?.*/s, '?…') : value; // no passwords
  throw expected(name, 'a URL such as "redis://localhost:6379", or "rediss://…" for TLS', shown);
}

function checkNode(name: string, node: unknown): void {
  if (typeof node === 'string') checkUrl(name, node);
  else checkAddress(name, node);
}

function checkAddress(name: string, value: unknown): void {
  const { host, port } = (value ?? {}) as Partial<RedisAddress>;
  if (typeof host === 'string' && host !== '' && Number.isInteger(port)) return;
  const got = typeof value === 'object' ? `{ host: ${show(host)}, port: ${show(port)} }` : show(value);
  throw new LockConfigError(
    `Expected "${name}" to be a list of { host: "10.0.0.1", port: 6379 } and the like, got ${got}`,
  );
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
