import { ConflictException } from '@nestjs/common';

export class OverdrawnException extends ConflictException {
  constructor(balance: number) {
    super({ statusCode: 409, code: 'OVERDRAWN', message: `Not enough money: ${balance} left.` });
  }
}
