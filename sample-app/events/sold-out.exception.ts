import { ConflictException } from '@nestjs/common';

export class SoldOutException extends ConflictException {
  constructor(left: number) {
    const message = left === 0 ? 'Sold out.' : `Not enough seats: ${left} left.`;
    super({ statusCode: 409, code: 'SOLD_OUT', message });
  }
}
