import { Injectable } from '@nestjs/common';
import { DistributedLock } from 'nestlock';
import type { Sale } from '../events/ticket-event';
import { InvoicePrinter, PRINTS_AT_ONCE } from './invoice-printer';

@Injectable()
export class InvoiceService {
  constructor(private readonly printer: InvoicePrinter) {}

  /** A semaphore: so many at once in the whole fleet, the others wait for their turn. */
  @DistributedLock('invoice-printer', { permits: PRINTS_AT_ONCE, waitTimeout: '30s' })
  async print(saleId: string): Promise<Sale> {
    return this.printer.print(saleId);
  }
}
