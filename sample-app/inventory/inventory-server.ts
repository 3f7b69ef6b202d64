// The inventory stands for any third-party service that your code reads, thinks about and writes back: it knows no
// transactions, so two clients that do so at once overwrite each other. It uses neither Nest nor nestlock.
//
//   GET|PUT /events/:id, /carts/:id   documents; GET /events lists them
//   GET|POST /sales, /runs            append-only lists
//   POST /prints                      prints an invoice, which takes a while
//   GET /stats                        what has been going on
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Documents } from './documents';
import { Refusal } from './refusal';
import { type SampleEvents, SAMPLE_EVENTS } from './sample-events';

export interface InventoryOptions {
  /** Default: any free port. */
  readonly port?: number;
  /** The events at the start: id → name and seats. */
  readonly events?: SampleEvents;
  /** How long a document takes to be read or written, in ms. Default: 3. */
  readonly accessTime?: number;
  /** How long an invoice takes to be printed, in ms. Default: 25. */
  readonly printTime?: number;
}

export interface Inventory {
  readonly url: string;
  close(): Promise<void>;
}

/** The answer to GET /stats. */
export interface InventoryStats {
  /** Requests refused since their fencing token was older than one seen before. */
  readonly staleRefused: number;
  /** Invoices that are being printed, and the most there have been at once. */
  readonly prints: { readonly now: number; readonly peak: number };
}

/** Starts an inventory in this process. */
export async function startInventory(options: InventoryOptions = {}): Promise<Inventory> {
  const service = new InventoryService(options);
  const server = createServer((request, response) => void service.handle(request, response));
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => close(server) };
}

class InventoryService {
  private readonly documents = new Documents(['events', 'carts']);
  private readonly lists: Record<string, unknown[]> = { sales: [], runs: [] };
  private readonly prints = { now: 0, peak: 0 };
  private readonly accessTime: number;
  private readonly printTime: number;

  constructor({ events = SAMPLE_EVENTS, accessTime = 3, printTime = 25 }: InventoryOptions) {
    for (const [id, event] of Object.entries(events)) this.documents.write('events', id, { id, ...event });
    this.accessTime = accessTime;
    this.printTime = printTime;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await readJson(request);
      reply(response, 200, await this.answer(request, body));
    } catch (error) {
      const status = error instanceof Refusal ? error.status : 500;
      reply(response, status, { message: error instanceof Error ? error.message : String(error) });
    }
  }

  private async answer({ method, url = '/', headers }: IncomingMessage, body: unknown): Promise<unknown> {
    const [name = '', id, ...rest] = url.slice(1).split('/').map(decodeURIComponent);
    const list = Object.hasOwn(this.lists, name) ? this.lists[name] : undefined;
    const route = `${method} ${rest.length > 0 ? 'unknown' : id === undefined ? 'whole' : 'one'}`;
    if (list && route === 'GET whole') return list;
    if (list && route === 'POST whole') return { count: list.push(body) };
    if (name === 'prints' && route === 'POST whole') return this.print(body);
    if (name === 'stats' && route === 'GET whole') return this.stats();
    if (this.documents.has(name)) {
      await sleep(this.accessTime);
      if (route === 'GET whole') return this.documents.list(name);
      if (route === 'GET one') return this.documents.read(name, id!, headers['x-fencing-token']);
      if (route === 'PUT one') return this.documents.write(name, id!, body, headers['x-fencing-token']);
    }
    throw new Refusal(404, `There is no ${method} ${url}`);
  }

  private async print(body: unknown): Promise<unknown> {
    this.prints.peak = Math.max(this.prints.peak, ++this.prints.now);
    await sleep(this.printTime);
    this.prints.now--;
    return { printed: body };
  }

  private stats(): InventoryStats {
    return { staleRefused: this.documents.staleRefused, prints: { ...this.prints } };
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk as string;
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Refusal(400, 'The body is no JSON');
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
