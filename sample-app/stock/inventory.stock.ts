import { Injectable } from '@nestjs/common';
import { LockService } from 'nestlock';
import type { Sale, TicketEvent } from '../events/ticket-event';
import { InventoryClient } from '../inventory-client/inventory.client';
import { Stock } from './stock';

/** In the inventory, which has no transactions: a fencing token keeps out who has lost the lock. */
@Injectable()
export class InventoryStock extends Stock {
  constructor(
    private readonly inventory: InventoryClient,
    private readonly locks: LockService,
  ) {
    super();
  }

  events(): Promise<TicketEvent[]> {
    return this.inventory.get(['events']);
  }

  event(id: string): Promise<TicketEvent> {
    return this.inventory.get(['events', id], this.locks.current());
  }

  sales(): Promise<Sale[]> {
    return this.inventory.get(['sales']);
  }

  async record(event: TicketEvent, sale: Sale): Promise<void> {
    await this.inventory.put(['events', sale.eventId], event, this.locks.current());
    await this.inventory.post('sales', sale);
  }
}
