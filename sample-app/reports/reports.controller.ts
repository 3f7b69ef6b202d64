import { Controller, Get } from '@nestjs/common';
import { type ReportRun, SalesReport } from './sales-report';

@Controller('reports')
export class ReportsController {
  constructor(private readonly report: SalesReport) {}

  @Get()
  runs(): Promise<ReportRun[]> {
    return this.report.runs();
  }
}
