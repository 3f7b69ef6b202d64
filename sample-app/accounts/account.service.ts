import { Injectable } from '@nestjs/common';
import { DistributedLock } from 'nestlock';
import { AccountRepository } from './account.repository';
import { OverdrawnException } from './overdrawn.exception';

export interface Account {
  readonly id: string;
  readonly balance: number;
}

@Injectable()
export class AccountService {
  constructor(private readonly accounts: AccountRepository) {}

  async get(id: string): Promise<Account> {
    return { id, balance: await this.accounts.balance(id) };
  }

  /** Needs no lock: it depends on nothing that another one might change. */
  async deposit(id: string, amount: number): Promise<Account> {
    await this.accounts.enter(id, amount);
    return this.get(id);
  }

  /**
   * Reads, thinks and writes in the transaction of the lock: nothing of it is there unless the lock was held to the end.
   * With "optimistic" it may be run several times, so it does nothing that a rollback does not undo.
   *
   * @throws OverdrawnException
   */
  @DistributedLock('account:{id}', { instance: 'ledger' })
  async withdraw(id: string, amount: number): Promise<Account> {
    const balance = await this.accounts.balance(id);
    if (balance < amount) throw new OverdrawnException(balance);
    await this.accounts.enter(id, -amount);
    return { id, balance: balance - amount };
  }
}
