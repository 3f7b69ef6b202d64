/** An event as the inventory has it. */
export interface TicketEvent {
  readonly id: string;
  readonly name: string;
  /** How many seats are left. */
  readonly seats: number;
}

/** A line of the sales ledger. */
export interface Sale {
  readonly id: string;
  readonly eventId: string;
  readonly buyer: string;
  readonly seats: number;
}
