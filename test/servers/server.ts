import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { family, freeze, isGone, send } from './family';
import { lettingGo } from './letting-go';
import { freePort, HOST } from './ports';
import { until } from './until';
import type { User } from './user';

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
  /** Who runs it and has its folder. Default: we do. */
  readonly user?: User | undefined;
  /** Writes the files that it needs, once. */
  prepare?(place: Place): void;
  /** The program and its arguments. */
  command(place: Place): readonly string[];
  /** What it logs as soon as it can be used. */
  readonly ready: RegExp;
  /** What makes it end soon, whoever is connected. Default: SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
  /** For the shell, in its folder when it is dead: removes what a server that was killed leaves elsewhere. */
  readonly tidy?: string;
}

/** How long a server may take to start and to stop, in ms. */
const START_TIMEOUT = 60_000;
const STOP_TIMEOUT = 10_000;

/** Waits until nobody can write to its input any more, however that came to be, then cleans up. */
const watchdog = (tidy = ''): string => `
  ${lettingGo(3)}
  end() { kill -STOP "$1"; for child in $(cat "/proc/$1/task/"*/children); do end "$child"; done; kill -9 "$1"; }
  read -r _
  end "$(cat "$0/pid")"
  (cd "$0"; ${tidy})
  # Again if a process has left a file with its last breath.
  rm -rf "$0" || { sleep 1; rm -rf "$0"; }`;

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
    this.watchdog = spawn('/bin/bash', ['-c', watchdog(recipe.tidy), this.folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.watchdog.unref();
    (this.watchdog.stdin as Socket).unref();
    if (recipe.user) chownSync(this.folder, recipe.user.uid, recipe.user.gid);
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
    await this.end(this.recipe.stopSignal ?? 'SIGTERM');
    if (this.watchdog.exitCode !== null) return;
    this.watchdog.ref();
    const cleaned = once(this.watchdog, 'exit');
    this.watchdog.stdin?.end();
    await cleaned;
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    if (!this.child) return;
    const members = freeze(this.pid);
    send('SIGKILL', members.slice(1));
    await this.end('SIGKILL');
    await until('the end of all its processes', () => members.every(isGone), STOP_TIMEOUT);
  }

  /** Stops it in its tracks; connections stay open. */
  pause(): void {
    freeze(this.pid);
  }

  resume(): void {
    send('SIGCONT', family(this.pid));
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
    const options: SpawnOptions = {
      cwd: this.folder,
      detached: true,
      stdio: ['ignore', log, log],
      ...this.recipe.user,
    };
    const child = spawn('/bin/bash', command, options);
    closeSync(log);
    child.unref();
    return child;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (!child) return;
    child.ref();
    const ended = once(child, 'exit');
    child.kill(signal);
    // A paused process hears nothing else.
    this.resume();
    const timer = setTimeout(() => send('SIGKILL', freeze(this.pid)), STOP_TIMEOUT);
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
