import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lettingGo } from './letting-go';
import { freePort, HOST } from './ports';
import { until } from './until';

/** Where a server lives. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** Its own; removed in the end. */
  readonly folder: string;
}

/** What must be known of a server to run it. */
export interface Recipe {
  /** For the name of its folder, and for messages. */
  readonly name: string;
  /** Writes the files that it needs, once. */
  prepare?(place: Place): void;
  /** The program and its arguments. */
  command(place: Place): readonly string[];
  /** What it logs as soon as it can be used. */
  readonly ready: RegExp;
}

/** How long a server may take to start and to stop, in ms. */
const START_TIMEOUT = 60_000;
const STOP_TIMEOUT = 10_000;

/** Waits until nobody can write to its input any more, however that came to be, then cleans up. */
const WATCHDOG = 'read -r _; kill -9 "$(cat "$0/pid")"; rm -rf "$0"';

/** A real server in a process of its own, in a temporary folder. Nothing of it outlives this process. */
export class Server implements Place {
  readonly host = HOST;
  readonly folder: string;
  private readonly watchdog: ChildProcess;
  private child: ChildProcess | undefined;

  constructor(
    private readonly recipe: Recipe,
    readonly port: number,
  ) {
    this.folder = mkdtempSync(join(tmpdir(), `nestlock-${recipe.name}-`));
    // In a session of its own, out of reach of Ctrl-C, as is the server: both end when we are done, not before.
    this.watchdog = spawn('/bin/bash', ['-c', `${lettingGo(3)}; ${WATCHDOG}`, this.folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.watchdog.unref();
    (this.watchdog.stdin as Socket).unref();
    recipe.prepare?.(this);
  }

  get running(): boolean {
    return this.child !== undefined;
  }

  /** @throws Error when it does not run */
  get pid(): number {
    if (this.child?.pid === undefined) throw new Error(`${this.recipe.name} does not run`);
    return this.child.pid;
  }

  /** Whether it can be used, if the word that it is ready does not say so. */
  serves(): Promise<boolean> {
    return Promise.resolve(true);
  }

  /** Starts it, again if it was killed: on the same port, with what is in its folder. @throws Error with the end of its log */
  async start(): Promise<void> {
    if (this.child) throw new Error(`${this.recipe.name} runs already`);
    const child = (this.child = this.spawn());
    // The shell has left its pid there, which is the server's now; the pid may be another's when the server has ended.
    child.once('exit', () => {
      rmSync(join(this.folder, 'pid'), { force: true });
      if (this.child === child) this.child = undefined;
    });
    try {
      const hasCome = async (): Promise<boolean> => this.recipe.ready.test(this.log()) && (await this.serves());
      await until('a word from the server', () => !this.child || hasCome(), START_TIMEOUT);
      if (!this.child) throw new Error('it has ended');
    } catch (error) {
      const log = this.log().trimEnd().split('\n').slice(-20).join('\n');
      await this.kill();
      throw new Error(`${this.recipe.name} could not be started: ${(error as Error).message}\n${log}`);
    }
  }

  /** Ends it as an operator would, and removes its folder: it cannot be started again. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
    if (this.watchdog.exitCode !== null) return;
    this.watchdog.ref();
    const cleaned = once(this.watchdog, 'exit');
    this.watchdog.stdin?.end();
    await cleaned;
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Stops it in its tracks; connections stay open. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** What it has said since its last start. */
  log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8');
  }

  private spawn(): ChildProcess {
    const log = openSync(join(this.folder, 'log'), 'w');
    const command = [
      '-c',
      `${lettingGo(3)}; echo $$ > "$0/pid" && exec "$@"`,
      this.folder,
      ...this.recipe.command(this),
    ];
    const child = spawn('/bin/bash', command, { cwd: this.folder, detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    child.unref();
    return child;
  }

  private async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { child } = this;
    if (!child) return;
    child.ref();
    const ended = once(child, 'exit');
    child.kill(signal);
    // A paused process hears nothing else.
    child.kill('SIGCONT');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT);
    await ended;
    clearTimeout(timer);
  }
}

/** Starts a server on a port that nobody else has, even if several processes look for one at once. */
export function startOnFreePort<T extends Server>(make: (port: number) => T): Promise<T> {
  return withFreePorts(async () => {
    const server = make(await freePort());
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  });
}

/** Tries again, with other ports, when somebody else has taken one meanwhile. */
export async function withFreePorts<T>(start: () => Promise<T>): Promise<T> {
  for (let attemptsLeft = 5; ; attemptsLeft--) {
    try {
      return await start();
    } catch (error) {
      if (attemptsLeft === 0 || !/address already in use/i.test((error as Error).message)) throw error;
    }
  }
}
