import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { type Account, AccountService } from './account.service';
import { AccountParamsDto } from './dto/account-params.dto';
import { AmountDto } from './dto/amount.dto';

@Controller('accounts/:id')
export class AccountsController {
  constructor(private readonly accounts: AccountService) {}

  @Get()
  get(@Param() { id }: AccountParamsDto): Promise<Account> {
    return this.accounts.get(id);
  }

  @Post('deposits')
  deposit(@Param() { id }: AccountParamsDto, @Body() { amount }: AmountDto): Promise<Account> {
    return this.accounts.deposit(id, amount);
  }

  @Post('withdrawals')
  withdraw(@Param() { id }: AccountParamsDto, @Body() { amount }: AmountDto): Promise<Account> {
    return this.accounts.withdraw(id, amount);
  }
}
