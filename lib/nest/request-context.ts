import { AsyncLocalStorage } from 'node:async_hooks';
import type { ExecutionContext } from '@nestjs/common';
import { HttpException } from '@nestjs/common';
import { LockKeyError } from '../core/errors';

/** As much of a response as is needed to see that its client has gone. */
interface ResponseStream {
  readonly destroyed?: boolean;
  readonly writableFinished?: boolean;
  once(event: 'close', listener: () => void): unknown;
  removeListener(event: 'close', listener: () => void): unknown;
}

/** "Client closed request", as proxies log it. */
const CLIENT_CLOSED_REQUEST = 499;

/**
 * Why waiting ends when nobody is there for the answer any more. An `HttpException`: to interceptors and filters the request
 * has failed, whatever they do with results, and yet there is nothing that Nest would log.
 */
class RequestGoneError extends HttpException {
  constructor() {
    super('The request was closed by its client while it waited for a lock.', CLIENT_CLOSED_REQUEST);
  }
}

const storage = new AsyncLocalStorage<RequestContext>();

/** What is to happen when a response closes: one listener for all of it, since Node warns of more than ten. */
const closings = new WeakMap<ResponseStream, { readonly all: Set<() => void>; readonly listener: () => void }>();

function onceClosed(response: ResponseStream, callback: () => void): void {
  let closing = closings.get(response);
  if (!closing) {
    const all = new Set<() => void>();
    closing = { all, listener: () => all.forEach((each) => each()) };
    closings.set(response, closing);
    response.once('close', closing.listener);
  }
  closing.all.add(callback);
}

function forgetClosed(response: ResponseStream, callback: () => void): void {
  const closing = closings.get(response);
  if (!closing?.all.delete(callback) || closing.all.size > 0) return;
  closings.delete(response);
  response.removeListener('close', closing.listener);
}

/** What a locked method must know of the request (or message) that it is called for. */
export class RequestContext {
  #controller: AbortController | undefined;
  #response: ResponseStream | undefined;
  #isOver = false;

  constructor(readonly execution: ExecutionContext) {}

  static current(): RequestContext | undefined {
    return storage.getStore();
  }

  run<T>(callback: () => T): T {
    return storage.run(this, callback);
  }

  /** The adapter's request over HTTP, `context.req` in GraphQL. @throws LockKeyError for other hosts */
  get request(): unknown {
    const type: string = this.execution.getType();
    if (type === 'http') return this.execution.switchToHttp().getRequest();
    if (type === 'graphql') return this.execution.getArgByIndex<{ req?: unknown } | undefined>(2)?.req;
    throw new LockKeyError(`A {req.…} lock key needs an HTTP or GraphQL request, and this is a "${type}" message.`);
  }

  /**
   * Ends the waiting that begins now when nobody is there for the answer any more. `undefined` if that is so already: what
   * runs on then (cleaning up, say) takes its locks as anybody else. Nothing is listened to before it is asked for.
   */
  get waiting(): AbortSignal | undefined {
    if (!this.#controller) {
      this.#controller = new AbortController();
      this.#response = responseOf(this.execution);
      if (!this.#isOver && this.#response) onceClosed(this.#response, this.#onClose);
    }
    const { signal } = this.#controller;
    return signal.aborted || this.#response?.destroyed ? undefined : signal;
  }

  /** The handler has answered. What it has left running in the background may go on waiting. */
  end(): void {
    this.#isOver = true;
    if (this.#response) forgetClosed(this.#response, this.#onClose);
  }

  /** Nobody listens to the handler any more: unless it has answered, whoever still waits for a lock gives up. */
  abandoned(): void {
    if (this.#isOver) return;
    this.end();
    this.#controller?.abort(new RequestGoneError());
  }

  readonly #onClose = (): void => {
    if (!this.#response?.writableFinished) this.#controller?.abort(new RequestGoneError());
  };
}

/** Node's response behind the one of the adapter, if there is one. */
function responseOf(execution: ExecutionContext): ResponseStream | undefined {
  const type: string = execution.getType();
  const context = type === 'graphql' ? execution.getArgByIndex<Record<string, unknown> | undefined>(2) : undefined;
  const response: unknown =
    type === 'http'
      ? execution.switchToHttp().getResponse()
      : (context?.['res'] ?? context?.['reply'] ?? (context?.['req'] as { res?: unknown } | undefined)?.res);
  const stream = (response as { raw?: unknown } | undefined)?.raw ?? response;
  return typeof (stream as Partial<ResponseStream> | undefined)?.once === 'function'
    ? (stream as ResponseStream)
    : undefined;
}
