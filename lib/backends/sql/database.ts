/** What a statement answered. */
export interface Result {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** How many rows it has changed or found. */
  readonly count: number;
  /** What MySQL's LAST_INSERT_ID(…) was set to. */
  readonly insertId?: bigint;
}

/** One connection of a pool, for the time that it is ours. */
export interface Connection {
  /** The driver's own: what the user gets of it. */
  readonly client: unknown;
  /** A statement is under way, of ours or of the user. `undefined`: the driver does not tell. */
  readonly isBusy: boolean | undefined;
  /** Why it cannot be used any more, once it cannot. */
  readonly failure: Error | undefined;
  /** One answer for each statement; most databases take one at a time. Bound. */
  readonly query: (sql: string) => Promise<readonly Result[]>;
  /** Calls back once, when it has ended by itself; at once if it has. Only who was named last. */
  whenEnded(callback: (cause: Error) => void): void;
  /** Back to the pool. */
  giveBack(): void;
  /** Ends it: whatever was not committed is rolled back. */
  destroy(): void;
}

/** A database through a pool of connections. */
export interface Database {
  /**
   * On any connection, each statement for itself.
   *
   * @param before - a statement that goes before it on that connection; MySQL only
   */
  query(sql: string, before?: string): Promise<readonly Result[]>;
  connect(): Promise<Connection>;
  /** How many connections it has at most; `undefined` if it does not tell. */
  readonly size: number | undefined;
  /** Ends what is ours. */
  close(): Promise<void>;
}
