import { Matches } from 'class-validator';

export class AccountParamsDto {
  @Matches(/^[\w-]{1,64}$/)
  readonly id!: string;
}
