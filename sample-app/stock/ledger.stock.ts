import { Injectable, NotFoundException } from '@nestjs/common';
import type { Sale, TicketEvent } from '../events/ticket-event';
import { Ledger } from '../ledger/ledger';
import { Stock } from './stock';

/** In the ledger: under its lock a sale is committed as a whole, or not at all. */
@Injectable()
export class LedgerStock extends Stock {
  constructor(private readonly ledger: Ledger) {
    super();
  }

  events(): Promise<TicketEvent[]> {
    return this.ledger.query('SELECT id, name, seats FROM ticket_shop_event ORDER BY id');
  }

  async event(id: string): Promise<TicketEvent> {
    const sql = 'SELECT id, name, seats FROM ticket_shop_event WHERE id = ?';
    const [event] = await this.ledger.query<TicketEvent>(sql, [id]);
    if (!event) throw new NotFoundException(`There is no "${id}" in events`);
    return event;
  }

  sales(): Promise<Sale[]> {
    return this.ledger.query('SELECT id, event_id AS "eventId", buyer, seats FROM ticket_shop_sale');
  }

  async record({ seats: seatsLeft }: TicketEvent, { id, eventId, buyer, seats }: Sale): Promise<void> {
    await this.ledger.query('UPDATE ticket_shop_event SET seats = ? WHERE id = ?', [seatsLeft, eventId]);
    const sql = 'INSERT INTO ticket_shop_sale (id, event_id, buyer, seats) VALUES (?, ?, ?, ?)';
    await this.ledger.query(sql, [id, eventId, buyer, seats]);
  }
}
