import { EventEmitter, once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, HOST } from './ports';
import { until } from './until';

/** A connection of a client through the proxy. */
export interface Connection {
  /** What the client has sent, as text; of a lot only the beginning. */
  readonly sent: string;
}

/** Picks the connections that a fault is for. */
export type Which = (connection: Connection) => boolean;

export type Direction = 'requests' | 'replies';

/** The connections on which a Redis client has subscribed to something; faults take effect with that command already. */
export const subscribers: Which = ({ sent }) => /^[ps]?subscribe\r$/im.test(sent);

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly url?: string;
}

export interface ProxyOptions {
  /** How long a server may take until it listens, in ms; a client waits for it meanwhile. Default: 0. */
  readonly patience?: number;
  /** Puts other words into the mouths of clients. */
  readonly rewrite?: (request: Buffer) => Buffer;
}

interface Fault {
  readonly kind: 'drop' | 'drop-next' | 'hold';
  readonly direction: Direction | 'both';
  readonly which: Which;
}

interface Link extends Connection {
  sent: string;
  readonly client: Socket;
  readonly server: Socket;
  /** One side has left, and the other must not know. */
  halfOpen: boolean;
}

const everyone: Which = () => true;
const KEPT = 64 * 1_024;

/** Starts a proxy that a test can break the connection to a server with. */
export async function startProxy(target: Target): Promise<TcpProxy> {
  const proxy = new TcpProxy(target, await freePort());
  await proxy.restore();
  return proxy;
}

/** Faults add up until `restore()`. Data is what arrives at once: on one machine a whole reply, or several short ones. */
export class TcpProxy implements Target {
  readonly host = HOST;
  /** That of the target, with our port. */
  readonly url: string;
  /** How many times data was swallowed. */
  dropped = 0;
  private readonly server: Server;
  private readonly links = new Set<Link>();
  private readonly changes = new EventEmitter().setMaxListeners(0);
  private faults: readonly Fault[] = [];
  private latency = 0;

  constructor(
    private readonly target: Target,
    readonly port: number,
    private readonly options: ProxyOptions = {},
  ) {
    const url = new URL(target.url ?? `tcp://${this.host}`);
    url.port = String(port);
    this.url = url.href;
    const { patience } = options;
    this.server = createServer((client) => {
      if (patience) void this.acceptLater(client, patience);
      else this.accept(client, connect(target.port, target.host));
    });
  }

  /** How many connections there are. */
  get connections(): number {
    return this.links.size;
  }

  /** Breaks connections. Without `which` it breaks all, and refuses new ones until `restore()`. */
  cut(which?: Which): void {
    if (!which) this.server.close();
    for (const link of this.links) if (which?.(link) ?? true) destroy(link);
  }

  /** Swallows what is sent. With 'both', connections seem to be in order, but nothing is heard of the other side. */
  drop(direction: Direction | 'both', which = everyone): void {
    this.fail({ kind: 'drop', direction, which });
  }

  /** Swallows data once. */
  dropNext(direction: Direction, which = everyone): void {
    this.fail({ kind: 'drop-next', direction, which });
  }

  /** Keeps what is sent until `restore()`. */
  hold(direction: Direction | 'both', which = everyone): void {
    this.fail({ kind: 'hold', direction, which });
  }

  /** Makes everything late by so many ms, in both directions. */
  delay(ms: number): void {
    this.latency = ms;
  }

  /** Ends all faults. Connections that one side has left meanwhile are broken. */
  async restore(): Promise<void> {
    this.faults = [];
    this.latency = 0;
    this.changes.emit('change');
    for (const link of this.links) if (link.halfOpen) destroy(link);
    if (!this.server.listening) await once(this.server.listen(this.port, this.host), 'listening');
  }

  async close(): Promise<void> {
    const closed = this.server.listening ? once(this.server, 'close') : undefined;
    this.cut();
    await closed;
  }

  private fail(fault: Fault): void {
    this.faults = [...this.faults, fault];
  }

  private async acceptLater(client: Socket, patience: number): Promise<void> {
    client.on('error', () => {});
    const call = async (): Promise<Socket> => {
      const server = connect(this.target.port, this.target.host);
      await once(server, 'connect');
      return server;
    };
    const server = await until('a server that listens', call, patience).catch(() => undefined);
    if (server && !client.destroyed) this.accept(client, server);
    else (server ?? client).destroy();
  }

  private accept(client: Socket, server: Socket): void {
    const link = { sent: '', client, server, halfOpen: false };
    this.links.add(link);
    client.on('data', (data) => (link.sent += data.toString('latin1', 0, KEPT - link.sent.length)));
    this.pass(link, 'requests', client, server);
    this.pass(link, 'replies', server, client);
  }

  private pass(link: Link, direction: Direction, from: Socket, to: Socket): void {
    let last: Promise<unknown> = Promise.resolve();
    const inTurn = (act: () => unknown): void => {
      const due = performance.now() + this.latency;
      last = last.then(async () => {
        const wait = due - performance.now();
        if (wait > 0) await sleep(wait);
        while (this.faultOf(link, direction, 'hold')) await once(this.changes, 'change');
        act();
      });
    };
    from.setNoDelay().on('data', (data) => {
      const said = direction === 'requests' ? (this.options.rewrite?.(data) ?? data) : data;
      if (!this.swallows(link, direction)) inTurn(() => to.write(said));
    });
    from.on('error', () => {}); // 'close' follows
    from.on('close', () => {
      if (to.destroyed) this.links.delete(link);
      // The end of a connection is news like any other.
      else if (this.faultOf(link, direction, 'drop')) link.halfOpen = true;
      else inTurn(() => to.destroy());
    });
  }

  private swallows(link: Link, direction: Direction): boolean {
    const next = this.faultOf(link, direction, 'drop-next');
    if (next) this.faults = this.faults.filter((fault) => fault !== next);
    if (!next && !this.faultOf(link, direction, 'drop')) return false;
    this.dropped++;
    return true;
  }

  private faultOf(link: Link, direction: Direction, kind: Fault['kind']): Fault | undefined {
    return this.faults.find(
      (fault) =>
        fault.kind === kind && (fault.direction === direction || fault.direction === 'both') && fault.which(link),
    );
  }
}

function destroy({ client, server }: Link): void {
  client.destroy();
  server.destroy();
}
