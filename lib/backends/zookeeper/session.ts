import type { Loss } from '../../core/backend';
import type { Clock, Timer } from '../../core/clock';
import { Addresses, LOOK_UP } from './addresses';
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
/** How often to look whether an address is no good, and how long until the next is tried, which doubles with each round, in ms. */
const TICK = 20;

/**
 * For the client. When it has been told so many times in a row that there is something to read, but not yet a whole answer, it
 * claims that the session has expired: because of a long answer in many pieces, for example.
 */
const DEFAULTS = { debug_level: 0, response_counter_limit: 2 ** 31 - 1 };

/** What ends with a session. */
export interface Hold {
  lose(loss: Loss): void;
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
  readonly #addresses: Addresses;
  #beat: Promise<void> | undefined;
  #timer: Timer | undefined;

  /** @param onChange - called when it gets usable, is not usable any more, has a problem, or is over; not at once */
  constructor(
    private readonly Driver: Driver,
    private readonly settings: ZooKeeperSettings,
    private readonly clock: Clock,
    private readonly onChange: () => void,
  ) {
    this.timeout = settings.sessionTimeout;
    this.#addresses = new Addresses(settings, clock);
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

  /** One address at a time: the client would stay with a silent one for longer than the session can wait. */
  async #connect(): Promise<void> {
    const addresses = this.#addresses;
    if (addresses.areTried) await addresses.nextRound();
    if (this.#isOver) return;
    const address = addresses.next();
    if (address === undefined) {
      this.#setUsable(false, new Error(`The names in "${this.settings.connect}" lead to no server`));
      return this.#plan(LOOK_UP, () => void this.#connect());
    }
    const { chroot, auth, options } = this.settings;
    const config = { ...DEFAULTS, ...options, connect: address + chroot, timeout: this.timeout, ...this.#credentials };
    this.#askedAt = this.clock.now();
    const connection = (this.#connection = new Connection(this.Driver, config, {
      onUp: () => this.#connected(connection),
      onDown: (code) => this.#disconnected(code),
      onNode: (path) => this.watches.fire(path),
    }));
    if (auth !== undefined) void connection.requests.authenticate(auth).catch(() => undefined); // it will be told
    const share = Math.min(1_000, this.timeout / 2 / addresses.count);
    const until = this.#askedAt + Math.min(this.timeout / 2, share * addresses.patience);
    const look = (): void => {
      const isSilent = this.clock.now() >= until;
      if (!isSilent && !connection.hasFailed) return this.#plan(TICK, look);
      connection.close();
      this.#plan(isSilent ? 0 : Math.min(1_000, TICK * addresses.patience), () => void this.#connect());
    };
    this.#plan(TICK, look);
  }

  #connected(connection: Connection): void {
    if (this.#credentials && connection.timeout < this.timeout) {
      // What holds have been promised does not hold any more.
      this.#end(new Error(`ZooKeeper has shortened the session from ${this.timeout} ms to ${connection.timeout}`));
      return connection.close();
    }
    this.#isConnected = true;
    this.#addresses.reset();
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

  #end(cause: Error): void {
    this.#isOver = true;
    this.#isConnected = this.#isUsable = false;
    this.#plan(undefined);
    for (const hold of [...this.holds]) hold.lose({ reason: 'session', cause });
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
