import { Injectable } from '@nestjs/common';
import { InjectLockService, LockService } from 'nestlock';
import { Database, type SqlClient } from './database';

/** The tables of the shop, for its repositories. */
@Injectable()
export class Ledger implements SqlClient {
  constructor(
    private readonly database: Database,
    @InjectLockService('ledger') private readonly locks: LockService,
  ) {}

  /** In a method that is locked with `{ instance: 'ledger' }` through the transaction of its lock. */
  query<Row>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const lock = this.locks.current();
    const client = lock ? this.database.transactionOf(lock) : this.database;
    return client.query<Row>(sql, values);
  }
}
