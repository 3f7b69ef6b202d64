import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { Stock } from './stock';

/** Lets the whole app know where the seats are. */
@Module({})
export class StockModule {
  static forRoot(stock: Type<Stock>): DynamicModule {
    return { module: StockModule, global: true, providers: [{ provide: Stock, useClass: stock }], exports: [Stock] };
  }
}
