import { ConflictException } from '@nestjs/common';

/** Our lock has passed to another, who has written since: nothing was changed, and the buyer may try again. */
export class StaleWriteException extends ConflictException {
  constructor() {
    super({ statusCode: 409, code: 'STALE_WRITE', message: 'This took too long and was not done. Try again.' });
  }
}
