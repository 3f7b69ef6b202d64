import { type ExecutionContext, createParamDecorator } from '@nestjs/common';
import type { CustomerRequest } from './customer.guard';

/** The id of the customer who asks. */
export const Customer = createParamDecorator((_: unknown, context: ExecutionContext) => {
  return context.switchToHttp().getRequest<CustomerRequest>().user?.id;
});
