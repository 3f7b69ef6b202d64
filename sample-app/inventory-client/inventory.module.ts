import { type DynamicModule, Module } from '@nestjs/common';
import { INVENTORY_URL, InventoryClient } from './inventory.client';

/** Lets the whole app talk to the inventory. */
@Module({})
export class InventoryModule {
  static forRoot(url: string): DynamicModule {
    return {
      module: InventoryModule,
      global: true,
      providers: [InventoryClient, { provide: INVENTORY_URL, useValue: url }],
      exports: [InventoryClient],
    };
  }
}
