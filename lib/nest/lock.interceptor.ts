import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import { Observable, tap } from 'rxjs';
import { RequestContext } from './request-context';

/**
 * Carries the current request to locked methods: for `{req.…}` keys, and so that a request whose client has gone leaves
 * the line for its lock. Takes no lock itself.
 *
 * Registered by `LockModule` for the whole application and attached to decorated handlers. Nest applies global
 * interceptors neither to gateways nor to the message handlers of hybrid applications: there, undecorated handlers that
 * call `{req.…}`-locked methods need `@UseInterceptors(LockInterceptor)`.
 */
@Injectable()
export class LockInterceptor implements NestInterceptor {
  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (RequestContext.current()?.execution === execution) return next.handle();
    return new Observable((subscriber) => {
      const context = new RequestContext(execution); // of this subscription: an outer interceptor may try again
      const answer = context.run(() => next.handle());
      const handling = answer
        .pipe(tap({ error: () => context.end(), complete: () => context.end() }))
        .subscribe(subscriber);
      return () => {
        context.abandoned();
        handling.unsubscribe();
      };
    });
  }
}
