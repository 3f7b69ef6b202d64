import { type DynamicModule, Module } from '@nestjs/common';
import { LockModule } from 'nestlock';
import type { LedgerStrategy } from '../strategies';
import { Database } from './database';
import { openDatabase } from './databases';
import { Ledger } from './ledger';
import { LedgerSetup } from './ledger-setup';
import { lockOptions } from './lock-options';

/** Tables of the shop and, as the set-up "ledger", locks in the same database: they commit together. */
@Module({})
export class LedgerModule {
  static forRoot(name: string, url: string | undefined, strategy: LedgerStrategy): DynamicModule {
    const database = openDatabase(name, url);
    const backend = database.lockBackend(lockOptions(strategy));
    return {
      module: LedgerModule,
      global: true,
      imports: [LockModule.forRoot({ instance: 'ledger', backend, waitTimeout: '30s' })],
      providers: [Ledger, LedgerSetup, { provide: Database, useValue: database }],
      exports: [Ledger],
    };
  }
}
