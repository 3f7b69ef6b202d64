import { Module } from '@nestjs/common';
import { BoxOffice } from '../events/box-office';
import { EventsController } from '../events/events.controller';
import { TicketService } from '../events/ticket.service';
import { InvoicePrinter } from '../invoices/invoice-printer';
import { InvoiceService } from '../invoices/invoice.service';
import { InvoicesController } from '../invoices/invoices.controller';
import { ReportsController } from '../reports/reports.controller';
import { SalesReport } from '../reports/sales-report';
import { UnlockedInvoiceService } from './unlocked-invoice.service';
import { UnlockedSalesReportJob } from './unlocked-sales-report.job';
import { UnlockedTicketService } from './unlocked-ticket.service';

/**
 * LOCKING=off: events, invoices and reports as they are, but for the three classes that lock. Only to compare with; a
 * shop of your own needs none of this.
 */
@Module({
  controllers: [EventsController, InvoicesController, ReportsController],
  providers: [
    BoxOffice,
    InvoicePrinter,
    SalesReport,
    UnlockedSalesReportJob,
    { provide: TicketService, useClass: UnlockedTicketService },
    { provide: InvoiceService, useClass: UnlockedInvoiceService },
  ],
})
export class UnlockedModule {}
