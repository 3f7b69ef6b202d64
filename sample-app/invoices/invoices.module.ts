import { Module } from '@nestjs/common';
import { InvoicePrinter } from './invoice-printer';
import { InvoiceService } from './invoice.service';
import { InvoicesController } from './invoices.controller';

@Module({
  controllers: [InvoicesController],
  providers: [InvoiceService, InvoicePrinter],
})
export class InvoicesModule {}
