import { randomInt } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import type { Clock, Timer } from '../../core/clock';
import { Code, Flags } from './client';
import type { Credentials } from './connection';
import { Connection } from './connection';
import type { Driver } from './driver';
import { hasCode, ZooKeeperError } from './failures';
import type { ZooKeeperSettings } from './options';
import { heartbeatPath, parentOf } from './paths';
import type { Requests } from './requests';
import { SessionLease } from './session-lease';
import { Watches } from './watches';

/** How many heartbeats there are in a session's time-out. */
const BEATS = 6;
/** How long until the next try when there is no address to try, in ms. */
const RETRY_AFTER = 1_000;

/**
 * For the client. When it has been told so many times in a row that there is something to read, but not yet a whole answer, it
 * claims that the session has expired: because of a long answer in many pieces, for example.
 */
const DEFAULTS = { debug_level: 0, response_counter_limit: 2 ** 31 - 1 };
/** It would shuffle the addresses with each answer that it gets, so we do it. */
const OVERRIDES = { host_order_deterministic: true };

/** What ends with a session. */
export interface Hold {
  lose(reason: Error): void;
}

/**
 * One session with ZooKeeper. It outlives its connections, if another is there in time. It proves to itself that it lives
 * by writing to a node of its own: reads prove nothing, since a follower that is cut off from its leader goes on answering
 * them.
 */
export class Session {
  readonly watches = new Watches((path) => this.requests.watch(path));
  readonly holds = new Set<Hold>();
  /** Why it cannot be used, if that is known. */
  problem: Error | undefined;
  /** What the server has agreed to, in ms. */
  timeout: number;
  #connection: Connection | undefined;
  #credentials: Credentials | undefined;
  readonly #lease = new SessionLease();
  #isConnected = false;
  #isUsable = false;
  #isOver = false;
  /** Before the server was asked for the session, or to go on with it. */
  #askedAt!: number;
  #beat: Promise<void> | undefined;
  #timer: Timer | undefined;

  /** @param onChange - called when it gets usable, is not usable any more, has a problem, or is over */
  constructor(
    private readonly Driver: Driver,
    private readonly settings: ZooKeeperSettings,
    private readonly clock: Clock,
    private readonly onChange: () => void,
  ) {
    this.timeout = settings.sessionTimeout;
  }

  start(): void {
    void this.#connect();
  }

  /** Of the present connection, or the last one; there is one as soon as it was usable. */
  get requests(): Requests {
    return this.#connection!.requests;
  }

  /** It is connected, and may do what it has to. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Until when it provably lives, on the backend's clock. */
  get validUntil(): number {
    return this.#lease.validUntil;
  }

  /** Has it proven once more; resolves with `validUntil`. @throws ZooKeeperError */
  async prove(): Promise<number> {
    if (!this.#isConnected) throw new ZooKeeperError(Code.connectionLoss, 'set', 'heartbeat');
    await this.#keepAlive();
    return this.validUntil;
  }

  /** Ends it, and with it all its nodes. */
  end(): void {
    if (this.#isOver) return;
    this.#end(new Error('The session with ZooKeeper was closed'));
    this.#connection?.close();
  }

  /** Proves it no more: what it holds ends at `validUntil` for us, and some time later for others. */
  retire(): void {
    this.#plan(undefined);
  }

  async #connect(): Promise<void> {
    const addresses = await this.#lookUp();
    if (this.#isOver) return;
    if (addresses.length === 0) {
      this.#setUsable(false, new Error(`The names in "${this.settings.connect}" lead to no server`));
      this.#plan(RETRY_AFTER, () => void this.#connect());
      return;
    }
    const { chroot, sessionTimeout, auth, options } = this.settings;
    const connect = addresses.join() + chroot;
    const config = { ...DEFAULTS, ...options, ...OVERRIDES, connect, timeout: sessionTimeout, ...this.#credentials };
    this.#askedAt = this.clock.now();
    const connection = (this.#connection = new Connection(this.Driver, config, {
      onUp: () => this.#connected(connection),
      onDown: (code) => this.#disconnected(code),
      onNode: (path) => this.watches.fire(path),
    }));
    if (auth !== undefined) void connection.requests.authenticate(auth).catch(() => undefined); // it will be told
    this.#plan(Math.min(this.timeout / 2, Math.max(1_000, this.timeout / 4)), () => {
      connection.close();
      void this.#connect();
    });
  }

  /** The client would do it too, and let everything else wait meanwhile. */
  async #lookUp(): Promise<readonly string[]> {
    const found = this.settings.servers.map(async ({ host, port }) => {
      const addresses = await lookup(host, { all: true }).catch(() => []);
      return addresses.map(({ address }) => `${address}:${port}`);
    });
    const addresses = (await Promise.all(found)).flat();
    const { host_order_deterministic: isOrdered } = this.settings.options as { host_order_deterministic?: unknown };
    return isOrdered ? addresses : shuffled(addresses);
  }

  #connected(connection: Connection): void {
    this.#isConnected = true;
    this.timeout = connection.timeout;
    if (this.#credentials) this.#lease.resumed(this.#askedAt, this.timeout);
    else this.#lease.made(this.#askedAt, this.timeout);
    this.#credentials = connection.credentials;
    this.#keepAlive().catch(() => undefined);
  }

  #disconnected(code: number | undefined): void {
    if (this.#isOver) return;
    this.#isConnected = false;
    this.#beat = undefined;
    this.#plan(undefined);
    if (code === undefined) {
      this.#setUsable(false, undefined);
      void this.#connect();
    } else if (code === Code.sessionExpired) {
      this.#end(new Error('The session with ZooKeeper has expired'));
    } else {
      this.problem = new ZooKeeperError(Code.authFailed, 'authenticate', 'digest');
      this.#end(new Error('ZooKeeper has refused the authentication', { cause: this.problem }));
    }
    this.watches.fireAll(new ZooKeeperError(Code.connectionLoss, 'watch', '*'));
  }

  #end(reason: Error): void {
    this.#isOver = true;
    this.#isConnected = this.#isUsable = false;
    this.#plan(undefined);
    for (const hold of [...this.holds]) hold.lose(reason);
    this.onChange();
  }

  #setUsable(isUsable: boolean, problem: Error | undefined): void {
    if (isUsable === this.#isUsable && problem?.message === this.problem?.message) return;
    this.#isUsable = isUsable;
    this.problem = problem;
    this.onChange();
  }

  /** What is done next, unless something else comes first. */
  #plan(delay: number | undefined, run = (): void => undefined): void {
    if (this.#timer) this.clock.clearTimeout(this.#timer);
    this.#timer = delay === undefined ? undefined : this.clock.setTimeout(run, delay);
    this.#timer?.unref?.();
  }

  #keepAlive(): Promise<void> {
    this.#plan(this.timeout / BEATS, () => void this.#keepAlive().catch(() => undefined));
    if (this.#beat) return this.#beat;
    const beat = this.#writeNode().finally(() => {
      if (this.#beat === beat) this.#beat = undefined;
    });
    return (this.#beat = beat);
  }

  async #writeNode(): Promise<void> {
    const connection = this.#connection;
    const sentAt = this.clock.now();
    try {
      await this.#touch();
      if (connection !== this.#connection) throw new ZooKeeperError(Code.connectionLoss, 'set', this.#path);
      this.#lease.written(sentAt, this.clock.now());
      this.#setUsable(true, undefined);
    } catch (error) {
      const isLoss = error instanceof ZooKeeperError && error.isLoss;
      if (!isLoss && !this.#isOver) this.#setUsable(false, error as Error);
      throw error;
    }
  }

  /** Writes to the node, and makes it if it is not there. */
  async #touch(): Promise<void> {
    const { requests } = this;
    const path = this.#path;
    for (;;) {
      try {
        return await requests.write(path);
      } catch (error) {
        if (!hasCode(error, Code.noNode)) throw error;
      }
      await requests.makeContainers(parentOf(path), this.settings);
      await requests.create(path, '', Flags.ephemeral).catch((error: unknown) => {
        // Another heartbeat has made it, or the container has vanished again.
        if (!hasCode(error, Code.nodeExists) && !hasCode(error, Code.noNode)) throw error;
      });
    }
  }

  get #path(): string {
    return heartbeatPath(this.settings.root, this.#credentials!.client_id);
  }
}

function shuffled<T>(list: readonly T[]): T[] {
  const ranked = list.map((each) => ({ each, rank: randomInt(2 ** 32) }));
  return ranked.sort((a, b) => a.rank - b.rank).map(({ each }) => each);
}
