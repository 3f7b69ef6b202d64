import { systemClock } from '../../core/clock';
import { LockConfigError } from '../../core/errors';
import { Patience } from '../../core/patience';
import type { OwnRedisClient, RedisClient } from './client';
import { isCluster } from './client';
import { messageOf } from './failures';
import type { RedisSettings } from './options';

/** What will not go away by itself, and what to do about it. */
const HOPELESS: readonly (readonly [RegExp, string])[] = [
  [/cluster support disabled/i, 'it is a single server: connect with redisBackend({ url }) instead of { cluster }'],
  [/DB index/i, 'there is no database of that number'],
  [/No such master/i, 'the sentinels know no primary of that name: set "name"'],
  [/unknown command '?sentinel/i, 'this is no sentinel, and "sentinels" takes addresses of sentinels'],
  [
    /WRONGPASS|NOAUTH|invalid (username-)?password|without any password configured|ERR AUTH/i,
    'check user and password',
  ],
];

/**
 * Looks at the server, at boot. Resolves with a warning, or several.
 *
 * @throws LockConfigError when it can never work
 */
export async function checkServer(client: RedisClient, settings: RedisSettings): Promise<string | undefined> {
  const patience = new Patience(systemClock); // an application that starts blocks its event loop
  try {
    const { commandTimeout } = settings;
    await untilReady(client, commandTimeout, patience);
    const nodes = isCluster(client) ? client.nodes('master') : [client];
    // A client that is connected waits for an answer as long as it takes.
    const asking = Promise.all(nodes.map((node) => node.info()));
    const infos = await patience.limit(commandTimeout, asking, () => noAnswer(commandTimeout));
    const warnings = infos.flatMap((info) => [...faults(info, client, settings)]);
    return warnings.length > 0 ? [...new Set(warnings)].join(' ') : undefined;
  } catch (error) {
    if (error instanceof LockConfigError) throw error;
    const message = messageOf(error);
    const cure = cureFor(error);
    if (cure) throw new LockConfigError(`Redis refuses (${message}): ${cure}.`, { cause: error });
    if (/NOPERM/.test(message)) return `Redis could not be looked at before use (${message}).`;
    return `Redis is not available yet (${message}): until it is, every lock fails with LockUnavailableError.`;
  }
}

/** Warnings about one server. @throws LockConfigError when locks cannot work with it */
function* faults(info: string, client: RedisClient, { replicas, sentinels }: RedisSettings): Generator<string> {
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const [major = 0, minor = 0] = (field('redis_version') ?? '6.2').split('.').map(Number);
  if (major < 6 || (major === 6 && minor < 2)) {
    throw new LockConfigError(`nestlock needs Redis 6.2 or newer, and this is ${field('redis_version')}. Upgrade it.`);
  }
  if (field('redis_mode') === 'sentinel') {
    throw new LockConfigError('This is a sentinel. Connect with redisBackend({ sentinels: [{ host, port }], name }).');
  }
  if (field('cluster_enabled') === '1' && !isCluster(client)) {
    throw new LockConfigError(
      'This Redis is a node of a Cluster. Connect with redisBackend({ cluster: [{ host, port }] }), or pass a Cluster.',
    );
  }
  if (field('role') === 'slave') {
    if (!sentinels) {
      const primary = `${field('master_host')}:${field('master_port')}`;
      throw new LockConfigError(
        `This Redis is a replica of ${primary}, and locks have to be written. Connect to the primary, or through Sentinel.`,
      );
    }
    yield 'The sentinels led to a replica: a failover may be under way.';
  }
  const policy = field('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    yield `Redis may evict locks when its memory is full: "maxmemory-policy" is ${policy}. Set it to noeviction.`;
  }
  const connected = Number(field('connected_slaves') ?? 0);
  if (replicas && connected < replicas.atLeast) {
    yield (
      `"replicas" wants ${replicas.atLeast} to confirm each lock, and only ${connected} are connected: until that changes, ` +
      'every lock fails with LockUnavailableError. Add replicas, or lower "replicas.atLeast".'
    );
  }
}

/** Rejects with the connection's last error when it takes longer than `timeout` ms, at once when that error will stay. */
function untilReady(client: RedisClient, timeout: number, patience: Patience): Promise<void> {
  return new Promise((resolve, reject) => {
    let last: unknown;
    const finish = (settle: () => void) => (): void => {
      stop();
      client.removeListener('ready', ready);
      client.removeListener('end', ended);
      client.removeListener('error', onError);
      settle();
    };
    const ready = finish(resolve);
    const failWith = (otherwise: Error): (() => void) => finish(() => reject((last as Error | undefined) ?? otherwise));
    const failed = failWith(noAnswer(timeout));
    const ended = failWith(new Error('the client is closed'));
    const onError = (error: unknown): void => {
      last = error;
      if (cureFor(error)) failed();
    };
    const stop = patience.after(timeout, failed);
    client.on('ready', ready);
    client.on('end', ended);
    client.on('error', onError);
    if (client.status === 'ready') ready();
    else if (client.status === 'end') ended();
    else if (client.status === 'wait') (client as OwnRedisClient).connect().catch(() => undefined);
  });
}

function noAnswer(timeout: number): Error {
  return new Error(`no answer within ${timeout} ms`);
}

/** `undefined` for what may go away by itself. */
function cureFor(error: unknown): string | undefined {
  return HOPELESS.find(([pattern]) => pattern.test(messageOf(error)))?.[1];
}
