import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';

/** A request once {@link CustomerGuard} has let it in. */
export interface CustomerRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  user?: { readonly id: string };
}

/** Stands for a real log-in: believes the header `x-customer`. */
@Injectable()
export class CustomerGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<CustomerRequest>();
    const id = request.headers['x-customer'];
    if (typeof id !== 'string' || !/^[\w-]{1,64}$/.test(id)) {
      throw new UnauthorizedException('Say who you are in the header x-customer: letters, digits, "_" and "-".');
    }
    request.user = { id };
    return true;
  }
}
