import { Injectable } from '@nestjs/common';
import { DistributedLock } from 'nestlock';
import { BoxOffice } from './box-office';
import type { BuyTicketsDto } from './dto/buy-tickets.dto';
import type { Sale } from './ticket-event';
import type { TicketService } from './ticket.service';

/** `TicketService` for seats in the ledger. */
@Injectable()
export class LedgerTicketService implements Pick<TicketService, 'buy'> {
  constructor(private readonly boxOffice: BoxOffice) {}

  /** The lock is a transaction, which the sale is written through; with "optimistic" it is run again after a conflict. */
  @DistributedLock('event:{eventId}', { instance: 'ledger' })
  async buy(eventId: string, order: BuyTicketsDto): Promise<Sale> {
    return this.boxOffice.sell(eventId, order);
  }
}
