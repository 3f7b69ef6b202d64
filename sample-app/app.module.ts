import { type DynamicModule, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { LockModule } from 'nestlock';
import { createBackend } from './backends';
import { CartModule } from './cart/cart.module';
import { EventsModule } from './events/events.module';
import { InventoryModule } from './inventory-client/inventory.module';
import { InvoicesModule } from './invoices/invoices.module';
import { ReportsModule } from './reports/reports.module';
import type { Settings } from './settings';
import { UnlockedModule } from './unlocked/unlocked.module';

/** The ticket shop. */
@Module({})
export class AppModule {
  static forRoot(settings: Settings & { readonly inventoryUrl: string }): DynamicModule {
    return {
      module: AppModule,
      imports: [
        LockModule.forRoot({ backend: createBackend(settings.lockBackend, settings.lockUrl) }),
        ScheduleModule.forRoot(),
        InventoryModule.forRoot(settings.inventoryUrl),
        CartModule,
        ...(settings.locking ? [EventsModule, InvoicesModule, ReportsModule] : [UnlockedModule]),
      ],
    };
  }
}
