import { LockService } from 'nestlock';
import type { Sale } from '../events/ticket-event';
import type { Database } from '../ledger/database';
import { Ledger } from '../ledger/ledger';
import { lockOptions } from '../ledger/lock-options';
import { createTables, dropTables } from '../ledger/tables';
import { LedgerStock } from '../stock/ledger.stock';
import type { LedgerStrategy } from '../strategies';
import type { Books, Probe } from './books';

export class LedgerBooks implements Books {
  private readonly locks: LockService;
  private readonly stock: LedgerStock;

  private constructor(
    private readonly database: Database,
    private readonly event: string,
    strategy: LedgerStrategy,
  ) {
    this.locks = new LockService({ backend: database.lockBackend(lockOptions(strategy)) });
    this.stock = new LedgerStock(new Ledger(database, this.locks));
  }

  /** Makes the tables anew. Closes the database in the end. */
  static async open(database: Database, event: string, seats: number, strategy: LedgerStrategy): Promise<LedgerBooks> {
    try {
      await dropTables(database);
      await createTables(database, { [event]: { name: 'The event', seats } });
      return new LedgerBooks(database, event, strategy);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  async read(): Promise<{ seatsLeft: number; ledger: readonly Sale[] }> {
    const { seats: seatsLeft } = await this.stock.event(this.event);
    return { seatsLeft, ledger: await this.stock.sales() };
  }

  /** A sale that fails when all of it is written. */
  async probe(): Promise<Probe> {
    const before = await this.read();
    const failure = new Error('On purpose');
    const sale = { id: 'probe', eventId: this.event, buyer: 'probe', seats: 1 };
    const selling = this.locks.run(`event:${this.event}`, async () => {
      const event = await this.stock.event(this.event);
      await this.stock.record({ ...event, seats: event.seats - 1 }, sale);
      throw failure;
    });
    await selling.catch((error: unknown) => {
      if (error !== failure) throw error;
    });
    const after = await this.read();
    const undone = after.seatsLeft === before.seatsLeft && after.ledger.length === before.ledger.length;
    return { kind: 'failed', undone };
  }

  async close(): Promise<void> {
    await this.locks.close();
    await dropTables(this.database).catch(() => {}); // a database that is gone has been noticed before
    await this.database.close();
  }
}
