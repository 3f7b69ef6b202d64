// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as Node's EventEmitter has it: no other type fits a connection
type Listener = (...args: any[]) => void;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- rows are what the caller says they are
type Answer = any;

/** As much of a connection of `mysql2` 3 as is used. */
export interface MysqlConnectionOfPool {
  query(options: { sql: string; values?: Answer }, callback: (error: Error | null, answer: Answer) => void): unknown;
  promise(): unknown;
  on(event: string, listener: Listener): unknown;
  removeListener(event: string, listener: Listener): unknown;
  release(): void;
  destroy(): void;
  /** The server's name for it. */
  readonly threadId?: number | null;
}

/** The same, of `mysql2/promise`. */
export interface MysqlPromiseConnectionOfPool {
  query(sql: string, values?: Answer): Promise<[Answer, Answer]>;
  execute(sql: string, values?: Answer): Promise<[Answer, Answer]>;
  release(): void;
  destroy(): void;
}

/** As much of a pool of `mysql2` as is used. */
export interface MysqlCallbackPool {
  getConnection(callback: (error: Error | null, connection: MysqlConnectionOfPool) => void): void;
  promise(): unknown;
}

/** The same, of `mysql2/promise`. */
export interface MysqlPromisePool {
  getConnection(): Promise<MysqlPromiseConnectionOfPool>;
  readonly pool: MysqlCallbackPool;
}

/** A pool of `mysql2` or of `mysql2/promise`. */
export type MysqlPool = MysqlCallbackPool | MysqlPromisePool;

export function isPromisePool(value: unknown): value is MysqlPromisePool {
  return hasConnections(value) && isCallbackPool((value as Partial<MysqlPromisePool>).pool);
}

export function isCallbackPool(value: unknown): value is MysqlCallbackPool {
  return hasConnections(value) && typeof (value as Partial<MysqlCallbackPool>).promise === 'function';
}

function hasConnections(value: unknown): boolean {
  return typeof (value as Partial<MysqlPool> | null | undefined)?.getConnection === 'function';
}
