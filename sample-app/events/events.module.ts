import { Module } from '@nestjs/common';
import { BoxOffice } from './box-office';
import { EventsController } from './events.controller';
import { TicketService } from './ticket.service';

@Module({
  controllers: [EventsController],
  providers: [TicketService, BoxOffice],
})
export class EventsModule {}
