import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { Catch, Inject, Injectable, Optional } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { throwError } from 'rxjs';
import { LockConflictError, LockShutdownError, LockTimeoutError, LockUnavailableError } from '../core/errors';

/** The errors that mean "not now": the client may try again. */
type PassingError = LockTimeoutError | LockUnavailableError | LockConflictError | LockShutdownError;

/** What clients are told; the error's own message names the key, and is for the log. */
const MESSAGES: Record<string, string> = {
  LOCK_TIMEOUT: 'The resource is busy. Try again later.',
  LOCK_UNAVAILABLE: 'The service is temporarily unavailable. Try again later.',
  LOCK_CONFLICT: 'The resource was changed meanwhile. Try again.',
  LOCK_NOT_READY: 'The service is restarting. Try again later.',
};

/** How soon a client may try again, in seconds. */
const RETRY_AFTER = '1';

/**
 * Answers `LockTimeoutError` (423, or `busyStatus`), `LockUnavailableError` (503), `LockConflictError` (409) and a
 * shutdown (503), with `Retry-After` and a body that names no key. All other errors are left to whoever answers them.
 *
 * Registered by `LockModule` unless `exceptionFilter: false`. Nest applies global filters neither to gateways nor to the
 * message handlers of hybrid applications: there, put `@UseFilters(LockExceptionFilter)` on the class.
 */
@Injectable()
@Catch(LockTimeoutError, LockUnavailableError, LockConflictError, LockShutdownError)
export class LockExceptionFilter implements ExceptionFilter<PassingError> {
  constructor(@Optional() @Inject(HttpAdapterHost) private readonly adapterHost?: HttpAdapterHost) {}

  catch(error: PassingError, host: ArgumentsHost): unknown {
    const type: string = host.getType();
    const message = MESSAGES[error.code];
    if (type === 'http') return this.answerHttp(error, host, message);
    const answer = { status: 'error', code: error.code, message };
    if (type === 'rpc') return throwError(() => answer);
    if (type === 'ws') return emit(host.switchToWs().getClient(), answer);
    throw error;
  }

  private answerHttp(error: PassingError, host: ArgumentsHost, message: string | undefined): void {
    const adapter = this.adapterHost?.httpAdapter;
    if (!adapter) throw error;
    const response: unknown = host.switchToHttp().getResponse();
    if (adapter.isHeadersSent(response)) return void adapter.end(response);
    adapter.setHeader(response, 'Retry-After', RETRY_AFTER);
    adapter.reply(response, { statusCode: error.status, code: error.code, message }, error.status);
  }
}

interface WsClient {
  readonly readyState?: unknown;
  send?(data: string): void;
  emit?(event: string, data: unknown): void;
}

/** As Nest's own filter does it: native sockets have no events on the wire, only an `emit` that stays at home. */
function emit(client: WsClient, data: unknown): void {
  if (typeof client.readyState === 'number' && client.send) client.send(JSON.stringify({ event: 'exception', data }));
  else client.emit?.('exception', data);
}
