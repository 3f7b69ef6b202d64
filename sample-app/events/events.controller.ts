import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { BoxOffice } from './box-office';
import { BuyTicketsDto } from './dto/buy-tickets.dto';
import { EventParamsDto } from './dto/event-params.dto';
import { TicketService } from './ticket.service';
import type { Sale, TicketEvent } from './ticket-event';

@Controller('events')
export class EventsController {
  constructor(
    private readonly tickets: TicketService,
    private readonly boxOffice: BoxOffice,
  ) {}

  @Get()
  list(): Promise<TicketEvent[]> {
    return this.boxOffice.events();
  }

  @Get(':eventId')
  get(@Param() { eventId }: EventParamsDto): Promise<TicketEvent> {
    return this.boxOffice.event(eventId);
  }

  @Get(':eventId/sales')
  async sales(@Param() { eventId }: EventParamsDto): Promise<{ seatsSold: number; sales: Sale[] }> {
    const sales = await this.boxOffice.salesOf(eventId);
    return { seatsSold: sales.reduce((sum, { seats }) => sum + seats, 0), sales };
  }

  @Post(':eventId/tickets')
  buy(@Param() { eventId }: EventParamsDto, @Body() order: BuyTicketsDto): Promise<Sale> {
    return this.tickets.buy(eventId, order);
  }
}
