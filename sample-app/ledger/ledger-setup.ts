import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DistributedLock } from 'nestlock';
import { Database } from './database';
import { createTables } from './tables';

@Injectable()
export class LedgerSetup implements OnModuleInit, OnApplicationShutdown {
  constructor(private readonly database: Database) {}

  /** All processes of a fleet may start at once: one makes the tables, and those behind it find them. */
  @DistributedLock('ledger-setup')
  async onModuleInit(): Promise<void> {
    await createTables(this.database);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.database.close();
  }
}
