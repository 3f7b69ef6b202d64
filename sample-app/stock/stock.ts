import type { Sale, TicketEvent } from '../events/ticket-event';

/** Where the seats and the sales are. */
export abstract class Stock {
  abstract events(): Promise<TicketEvent[]>;

  /** @throws NotFoundException */
  abstract event(id: string): Promise<TicketEvent>;

  abstract sales(): Promise<Sale[]>;

  /** Writes the event as it is after the sale, and the sale. */
  abstract record(event: TicketEvent, sale: Sale): Promise<void>;
}
