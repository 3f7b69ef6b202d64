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
  on(event: string, listener: (...args: never[]) => void): unknown;
  removeListener(event: string, listener: (...args: never[]) => void): unknown;
}

/** A `Cluster`, which takes other arguments here and there. */
export interface RedisClusterClient extends RedisClient {
  readonly isCluster: true;
  nodes(role: 'master'): RedisClient[];
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
