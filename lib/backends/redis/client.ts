// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as Node's EventEmitter has it: no other type fits a client
type Listener = (...args: any[]) => void;

/**
 * As much of an ioredis client as is used: `Redis` and `Cluster`, of version 5 and of version 6, and whatever else can do
 * the same. It is neither altered nor closed.
 */
export interface RedisClient {
  readonly status: string;
  evalsha(sha: string, numkeys: number, ...args: string[]): Promise<unknown>;
  eval(script: string, numkeys: number, ...args: string[]): Promise<unknown>;
  info(): Promise<string>;
  publish(channel: string, message: string): Promise<unknown>;
  pipeline(commands?: unknown[][]): { exec(): Promise<readonly (readonly [unknown, unknown?])[] | null> };
  duplicate(...args: never[]): unknown;
  on(event: string, listener: Listener): unknown;
  removeListener(event: string, listener: Listener): unknown;
}

/** A `Cluster`, which takes other arguments here and there. */
export interface RedisClusterClient extends RedisClient {
  readonly isCluster: true;
  readonly options?: { readonly redisOptions?: object };
  nodes(role: 'master' | 'all'): RedisClient[];
}

/** A connection of our own: to be opened and closed. */
export interface OwnRedisClient extends RedisClient {
  connect(): Promise<unknown>;
  subscribe(...channels: string[]): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
}

export function isCluster(client: RedisClient): client is RedisClusterClient {
  return (client as Partial<RedisClusterClient>).isCluster === true;
}
