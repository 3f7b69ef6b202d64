/** How those who wait for a lease learn that it may be free. */
export interface Wakeups {
  /** Whether a lock that gets free is told. Otherwise it has to be asked for again and again. */
  readonly areReliable: boolean;
  /** Calls back when the lock of a row may be free, and when it is not known what was missed. Returns what stops it. */
  listen(row: string, wake: () => void): () => void;
  close(): Promise<void>;
}

/** For databases that tell nobody anything. */
export const noWakeups: Wakeups = {
  areReliable: false,
  listen: () => () => undefined,
  close: () => Promise.resolve(),
};
