import { Module } from '@nestjs/common';
import { ReportsController } from './reports.controller';
import { SalesReport } from './sales-report';
import { SalesReportJob } from './sales-report.job';

@Module({
  controllers: [ReportsController],
  providers: [SalesReportJob, SalesReport],
})
export class ReportsModule {}
