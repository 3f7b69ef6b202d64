import { type DynamicModule, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { LockModule } from 'nestlock';
import { AccountsModule } from './accounts/accounts.module';
import { createBackend } from './backends';
import { CartModule } from './cart/cart.module';
import { EventsModule } from './events/events.module';
import { LedgerTicketService } from './events/ledger-ticket.service';
import { TicketService } from './events/ticket.service';
import { InventoryModule } from './inventory-client/inventory.module';
import { InvoicesModule } from './invoices/invoices.module';
import { LedgerModule } from './ledger/ledger.module';
import { ReportsModule } from './reports/reports.module';
import type { Settings } from './settings';
import { InventoryStock } from './stock/inventory.stock';
import { LedgerStock } from './stock/ledger.stock';
import { StockModule } from './stock/stock.module';
import { keepsLedger } from './strategies';
import { UnlockedModule } from './unlocked/unlocked.module';

/** The ticket shop. */
@Module({})
export class AppModule {
  static forRoot(settings: Settings & { readonly inventoryUrl: string }): DynamicModule {
    const { lockBackend, lockUrl, lockStrategy, inventoryUrl, locking } = settings;
    const hasLedger = keepsLedger(lockStrategy);
    return {
      module: AppModule,
      imports: [
        LockModule.forRoot({ backend: createBackend(lockBackend, lockUrl) }),
        ScheduleModule.forRoot(),
        InventoryModule.forRoot(inventoryUrl),
        StockModule.forRoot(hasLedger ? LedgerStock : InventoryStock),
        CartModule,
        ...(hasLedger ? [LedgerModule.forRoot(lockBackend, lockUrl, lockStrategy), AccountsModule] : []),
        ...(locking
          ? [EventsModule.forRoot(hasLedger ? LedgerTicketService : TicketService), InvoicesModule, ReportsModule]
          : [UnlockedModule]),
      ],
    };
  }
}
