import { Injectable } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { REPORT_CRON, SalesReport } from '../reports/sales-report';
import type { SalesReportJob } from '../reports/sales-report.job';

/** `SalesReportJob` without its lock: every process does the job. */
@Injectable()
export class UnlockedSalesReportJob implements Pick<SalesReportJob, 'run'> {
  constructor(private readonly report: SalesReport) {}

  @Cron(REPORT_CRON)
  async run(): Promise<void> {
    await this.report.write();
  }
}
