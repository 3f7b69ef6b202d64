import type { Sale } from '../events/ticket-event';

/** What became of a write that the demo sent on purpose and that must not count. */
export type Probe =
  /** With an old fencing token. */
  | { readonly kind: 'stale'; readonly refused: boolean; readonly refusedDuringSale: number }
  /** In the transaction of a lock, by work that failed. */
  | { readonly kind: 'failed'; readonly undone: boolean };

/** Where the seats and the sales are, past the app. */
export interface Books {
  read(): Promise<{ readonly seatsLeft: number; readonly ledger: readonly Sale[] }>;
  /** Only with locking. */
  probe(): Promise<Probe>;
  close(): Promise<void>;
}
