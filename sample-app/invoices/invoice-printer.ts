import { Injectable, NotFoundException } from '@nestjs/common';
import type { Sale } from '../events/ticket-event';
import { InventoryClient } from '../inventory-client/inventory.client';
import type { InventoryStats } from '../inventory/inventory-server';
import { Stock } from '../stock/stock';

/** How many invoices the printing service can bear at once. */
export const PRINTS_AT_ONCE = 3;

/** The printing service is another one that we share with the rest of the fleet. */
@Injectable()
export class InvoicePrinter {
  constructor(
    private readonly inventory: InventoryClient,
    private readonly stock: Stock,
  ) {}

  /** @throws NotFoundException when there was no such sale */
  async print(saleId: string): Promise<Sale> {
    const sales = await this.stock.sales();
    const sale = sales.find(({ id }) => id === saleId);
    if (!sale) throw new NotFoundException(`There is no sale "${saleId}"`);
    await this.inventory.post('prints', sale);
    return sale;
  }

  /** How many are being printed, and the most there have been at once. */
  async load(): Promise<InventoryStats['prints']> {
    const { prints } = await this.inventory.get<InventoryStats>(['stats']);
    return prints;
  }
}
