import type { Sale, TicketEvent } from '../events/ticket-event';
import type { InventoryStats } from '../inventory/inventory-server';
import type { Books, Probe } from './books';
import type { HttpClient } from './http-client';

export class InventoryBooks implements Books {
  private readonly event: string;

  constructor(
    private readonly inventory: string,
    event: string,
    private readonly client: HttpClient,
  ) {
    this.event = `${inventory}/events/${event}`;
  }

  async read(): Promise<{ seatsLeft: number; ledger: readonly Sale[] }> {
    const { seats: seatsLeft } = await this.client.get<TicketEvent>(this.event);
    return { seatsLeft, ledger: await this.client.get<Sale[]>(`${this.inventory}/sales`) };
  }

  /** Writes what is there anyway, with a token from long ago. */
  async probe(): Promise<Probe> {
    const { staleRefused } = await this.client.get<InventoryStats>(`${this.inventory}/stats`);
    const token = { 'x-fencing-token': '1' };
    const { status } = await this.client.send('PUT', this.event, await this.client.get(this.event), token);
    return { kind: 'stale', refused: status === 412, refusedDuringSale: staleRefused };
  }

  async close(): Promise<void> {}
}
