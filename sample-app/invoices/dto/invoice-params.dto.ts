import { IsUUID } from 'class-validator';

export class InvoiceParamsDto {
  @IsUUID()
  readonly saleId!: string;
}
