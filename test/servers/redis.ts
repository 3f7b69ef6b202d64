import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { movableClock, setClock, tidyClock } from './clock';
import { program } from './program';
import { Server, startOnFreePort } from './server';

export interface RedisOptions {
  /** Further lines of its redis.conf: `'maxmemory-policy allkeys-lru'`, `'user ada on >secret ~* &* +@all'`. */
  readonly conf?: readonly string[];
  /** Default: none. It is in the `url` then. */
  readonly password?: string;
  /** Lets `setClock` move its clock. */
  readonly movableClock?: boolean;
  /** Makes it a Sentinel, which needs the lines of its sentinel.conf. */
  readonly sentinel?: boolean;
}

const OTHERWISE = 'Or use a server of your own: set REDIS_URL for tests that need no faults, pass --url to the demo.';

export function redisProgram(): Promise<string> {
  return program('redis-server', 'redis-server', OTHERWISE);
}

/** Starts a Redis that keeps nothing on disk. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const binary = await redisProgram();
  const before = options.movableClock ? await movableClock() : () => [];
  return startOnFreePort((port) => new RedisServer(port, options, (folder) => [...before(folder), binary]));
}

/** For tests that need no faults: the server at REDIS_URL, or a new one. */
export async function anyRedis(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const url = process.env['REDIS_URL'];
  return url ? { url, stop: () => Promise.resolve() } : startRedis();
}

export class RedisServer extends Server {
  readonly url: string;

  /** @param binary - redis-server, and what goes before it */
  constructor(
    port: number,
    private readonly options: RedisOptions,
    binary: (folder: string) => readonly string[],
  ) {
    const { sentinel, conf = [], password } = options;
    super(
      {
        name: sentinel ? 'sentinel' : 'redis',
        prepare({ host, folder }) {
          const lines = [`bind ${host}`, `port ${port}`, `dir ${folder}`];
          if (!sentinel) lines.push('save ""', 'appendonly no', 'repl-diskless-sync-delay 0');
          if (password) lines.push(`requirepass ${password}`);
          writeFileSync(join(folder, 'redis.conf'), [...lines, ...conf, ''].join('\n'));
          if (options.movableClock) setClock(folder, 0);
        },
        command: ({ folder }) => [...binary(folder), join(folder, 'redis.conf'), ...(sentinel ? ['--sentinel'] : [])],
        ready: sentinel ? /Sentinel ID is/ : /Ready to accept connections/,
      },
      port,
    );
    this.url = `redis://${password ? `:${encodeURIComponent(password)}@` : ''}${this.host}:${port}`;
  }

  override async start(): Promise<void> {
    await super.start();
    if (this.options.movableClock) tidyClock(this.pid);
  }

  /** As after a crash: nothing is left of its data, for it has never written any. */
  async restartEmpty(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Sets its clock ahead of the real one, or back with a negative `offset`, in ms. Needs `movableClock`. */
  setClock(offset: number): void {
    if (!this.options.movableClock) throw new Error('Expected a Redis that was started with "movableClock"');
    setClock(this.folder, offset);
  }

  /** Sends one command on a connection of its own. */
  async command(name: string, ...args: (string | number)[]): Promise<unknown> {
    const client = new Redis(this.url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
    client.on('error', () => {}); // the command fails as well
    try {
      return await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  }
}
