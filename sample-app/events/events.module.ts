import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { BoxOffice } from './box-office';
import { EventsController } from './events.controller';
import { TicketService } from './ticket.service';

@Module({})
export class EventsModule {
  static forRoot(ticketService: Type<Pick<TicketService, 'buy'>>): DynamicModule {
    return {
      module: EventsModule,
      controllers: [EventsController],
      providers: [BoxOffice, { provide: TicketService, useClass: ticketService }],
    };
  }
}
