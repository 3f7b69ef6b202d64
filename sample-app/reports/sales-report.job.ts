import { Injectable } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { DistributedLock } from 'nestlock';
import { REPORT_CRON, SalesReport } from './sales-report';

@Injectable()
export class SalesReportJob {
  constructor(private readonly report: SalesReport) {}

  /**
   * The clock strikes in every process of the fleet; the first one does the job, the others skip it. `minHold` is longer
   * than their clocks are apart and shorter than the interval: a process that is late must not find the lock free again.
   */
  @Cron(REPORT_CRON)
  @DistributedLock('sales-report', { onBusy: 'skip', minHold: '1500ms' })
  async run(): Promise<void> {
    await this.report.write();
  }
}
