// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as Node's EventEmitter has it: no other type fits a client
type Listener = (...args: any[]) => void;

/** As much of a client of `pg` 8 as is used. */
export interface PostgresClient {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- rows are what the caller says they are
  query(text: string, values?: readonly any[]): Promise<any>;
  on(event: string, listener: Listener): unknown;
  removeListener(event: string, listener: Listener): unknown;
}

/** A client out of a pool. */
export interface PostgresPoolClient extends PostgresClient {
  /** `'T'` or `'E'` inside of a transaction. Early versions do not tell. */
  getTransactionStatus?(): string | null;
  release(error?: Error | boolean): void;
}

/** As much of a `Pool` of `pg` as is used. */
export interface PostgresPool {
  connect(callback: (error: Error | undefined, client: PostgresPoolClient | undefined) => void): void;
  on(event: string, listener: Listener): unknown;
  removeListener(event: string, listener: Listener): unknown;
  readonly options?: { readonly max?: number };
  readonly totalCount: number;
  readonly idleCount?: number;
  readonly waitingCount?: number;
}
