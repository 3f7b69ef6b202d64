import { Injectable } from '@nestjs/common';
import { DistributedLock } from 'nestlock';
import { BoxOffice } from './box-office';
import type { BuyTicketsDto } from './dto/buy-tickets.dto';
import type { Sale } from './ticket-event';

@Injectable()
export class TicketService {
  constructor(private readonly boxOffice: BoxOffice) {}

  /** One buyer at a time for each event, in the whole fleet; those of other events do not wait. */
  @DistributedLock('event:{eventId}')
  async buy(eventId: string, order: BuyTicketsDto): Promise<Sale> {
    return this.boxOffice.sell(eventId, order);
  }
}
