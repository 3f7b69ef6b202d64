import { Injectable } from '@nestjs/common';
import { InventoryClient } from '../inventory-client/inventory.client';
import { Stock } from '../stock/stock';

/** A run of the report, as the inventory keeps it. */
export interface ReportRun {
  /** The tick of the clock that it ran for, in ms since 1970. */
  readonly tick: number;
  /** The process that did it. */
  readonly pid: number;
  readonly seatsSold: number;
}

/** Every second second. */
export const REPORT_CRON = '*/2 * * * * *';
export const REPORT_INTERVAL = 2_000;

@Injectable()
export class SalesReport {
  constructor(
    private readonly inventory: InventoryClient,
    private readonly stock: Stock,
  ) {}

  async write(): Promise<void> {
    // Timers are late as a rule, but may be a little early.
    const tick = Math.floor((Date.now() + 50) / REPORT_INTERVAL) * REPORT_INTERVAL;
    const sales = await this.stock.sales();
    const seatsSold = sales.reduce((sum, { seats }) => sum + seats, 0);
    await this.inventory.post('runs', { tick, pid: process.pid, seatsSold } satisfies ReportRun);
  }

  runs(): Promise<ReportRun[]> {
    return this.inventory.get(['runs']);
  }
}
