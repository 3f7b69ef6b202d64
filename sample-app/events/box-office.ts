import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Stock } from '../stock/stock';
import type { BuyTicketsDto } from './dto/buy-tickets.dto';
import { SoldOutException } from './sold-out.exception';
import type { Sale, TicketEvent } from './ticket-event';

/** Sells by reading, thinking and writing: two sales at once would both see the same seats. */
@Injectable()
export class BoxOffice {
  constructor(private readonly stock: Stock) {}

  /** @throws SoldOutException when there are fewer seats left */
  async sell(eventId: string, { buyer, seats }: BuyTicketsDto): Promise<Sale> {
    const event = await this.stock.event(eventId);
    if (event.seats < seats) throw new SoldOutException(event.seats);
    const sale = { id: randomUUID(), eventId, buyer, seats };
    await this.stock.record({ ...event, seats: event.seats - seats }, sale);
    return sale;
  }

  events(): Promise<TicketEvent[]> {
    return this.stock.events();
  }

  event(eventId: string): Promise<TicketEvent> {
    return this.stock.event(eventId);
  }

  async salesOf(eventId: string): Promise<Sale[]> {
    const sales = await this.stock.sales();
    return sales.filter((sale) => sale.eventId === eventId);
  }
}
