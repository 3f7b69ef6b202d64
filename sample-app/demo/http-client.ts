import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';

export interface HttpAnswer<T> {
  readonly status: number;
  readonly body: T;
}

class IdleError extends Error {}

/** JSON over connections that are kept open. */
export class HttpClient {
  private readonly agent = new Agent({ keepAlive: true });

  /** @param signal - ends what is under way, and refuses what comes after */
  constructor(private readonly signal: AbortSignal) {
    // One listener for all requests: there are hundreds at once.
    signal.addEventListener('abort', () => this.close(), { once: true });
  }

  /** @throws Error unless the answer is 200 */
  async get<T>(url: string): Promise<T> {
    const { status, body } = await this.send<T>('GET', url);
    if (status !== 200) throw new Error(`GET ${url}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async send<T>(method: string, url: string, value?: unknown, headers: Record<string, string> = {}) {
    for (;;) {
      this.signal.throwIfAborted();
      try {
        return await this.sendOnce<T>(method, url, value, headers);
      } catch (error) {
        // The server has closed an idle connection at the very moment when it was to be used again: nobody has read the request.
        if (!(error instanceof IdleError)) throw error;
      }
    }
  }

  private async sendOnce<T>(method: string, url: string, value: unknown, headers: Record<string, string>) {
    const sent = request(url, {
      method,
      agent: this.agent,
      headers: { ...headers, ...(value !== undefined && { 'content-type': 'application/json' }) },
    });
    sent.end(value === undefined ? undefined : JSON.stringify(value));
    const [response] = (await once(sent, 'response').catch((error: NodeJS.ErrnoException) => {
      throw sent.reusedSocket && error.code === 'ECONNRESET' ? new IdleError() : error;
    })) as [IncomingMessage];
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
    return { status: response.statusCode ?? 0, body: JSON.parse(text) as T } satisfies HttpAnswer<T>;
  }

  close(): void {
    this.agent.destroy();
  }
}
