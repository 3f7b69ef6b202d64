import { Controller, Get, Param, Post } from '@nestjs/common';
import type { Sale } from '../events/ticket-event';
import { InvoiceParamsDto } from './dto/invoice-params.dto';
import { InvoicePrinter, PRINTS_AT_ONCE } from './invoice-printer';
import { InvoiceService } from './invoice.service';

@Controller('invoices')
export class InvoicesController {
  constructor(
    private readonly invoices: InvoiceService,
    private readonly printer: InvoicePrinter,
  ) {}

  /** `peak` is the most that were ever printed at once. */
  @Get()
  async load(): Promise<{ limit: number; now: number; peak: number }> {
    return { limit: PRINTS_AT_ONCE, ...(await this.printer.load()) };
  }

  @Post(':saleId')
  print(@Param() { saleId }: InvoiceParamsDto): Promise<Sale> {
    return this.invoices.print(saleId);
  }
}
