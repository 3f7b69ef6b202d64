import { Module } from '@nestjs/common';
import { AccountRepository } from './account.repository';
import { AccountService } from './account.service';
import { AccountsController } from './accounts.controller';

/** Needs the ledger. */
@Module({
  controllers: [AccountsController],
  providers: [AccountService, AccountRepository],
})
export class AccountsModule {}
