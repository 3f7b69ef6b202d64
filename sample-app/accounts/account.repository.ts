import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Ledger } from '../ledger/ledger';

/** The entries of the accounts; a balance is their sum. */
@Injectable()
export class AccountRepository {
  constructor(private readonly ledger: Ledger) {}

  async balance(account: string): Promise<number> {
    const sql = 'SELECT COALESCE(SUM(amount), 0) AS balance FROM ticket_shop_entry WHERE account = ?';
    const [row] = await this.ledger.query<{ balance: string }>(sql, [account]);
    return Number(row!.balance);
  }

  async enter(account: string, amount: number): Promise<void> {
    const sql = 'INSERT INTO ticket_shop_entry (id, account, amount) VALUES (?, ?, ?)';
    await this.ledger.query(sql, [randomUUID(), account, amount]);
  }
}
