import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LockService } from 'nestlock';
import { InventoryClient } from '../inventory-client/inventory.client';
import type { BuyTicketsDto } from './dto/buy-tickets.dto';
import { SoldOutException } from './sold-out.exception';
import type { Sale, TicketEvent } from './ticket-event';

/** Sells by reading, thinking and writing: two sales at once would both see the same seats. */
@Injectable()
export class BoxOffice {
  constructor(
    private readonly inventory: InventoryClient,
    private readonly locks: LockService,
  ) {}

  /** @throws SoldOutException when there are fewer seats left */
  async sell(eventId: string, { buyer, seats }: BuyTicketsDto): Promise<Sale> {
    const event = await this.inventory.get<TicketEvent>('events', eventId);
    if (event.seats < seats) throw new SoldOutException(event.seats);
    await this.inventory.put(['events', eventId], { ...event, seats: event.seats - seats }, this.locks.current());
    const sale = { id: randomUUID(), eventId, buyer, seats };
    await this.inventory.post('sales', sale);
    return sale;
  }

  events(): Promise<TicketEvent[]> {
    return this.inventory.get('events');
  }

  event(eventId: string): Promise<TicketEvent> {
    return this.inventory.get('events', eventId);
  }

  async salesOf(eventId: string): Promise<Sale[]> {
    const sales = await this.inventory.get<Sale[]>('sales');
    return sales.filter((sale) => sale.eventId === eventId);
  }
}
