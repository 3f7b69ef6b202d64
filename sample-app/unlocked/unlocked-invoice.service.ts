import { Injectable } from '@nestjs/common';
import type { Sale } from '../events/ticket-event';
import { InvoicePrinter } from '../invoices/invoice-printer';
import type { InvoiceService } from '../invoices/invoice.service';

/** `InvoiceService` without its semaphore. */
@Injectable()
export class UnlockedInvoiceService implements Pick<InvoiceService, 'print'> {
  constructor(private readonly printer: InvoicePrinter) {}

  async print(saleId: string): Promise<Sale> {
    return this.printer.print(saleId);
  }
}
