import { createHash } from 'node:crypto';
import { Bag } from '../../core/bag';
import type { Clock, Timer } from '../../core/clock';
import type { Answer, CallContext, CallHandler } from './call';
import { Call } from './call';
import type { RedisClient } from './client';
import { isCluster } from './client';
import { ClientEndedError, messageOf } from './failures';
import { SCRIPT } from './script';

const SHA = createHash('sha1').update(SCRIPT).digest('hex');

/** How many operations one command carries at most: the server does nothing else meanwhile, for less than a millisecond. */
const TOGETHER = 128;

/**
 * Those of one turn go in so many commands, unless these were small: the server works on one while we do on the next. Not if
 * replicas have to confirm them: it would wait for those once for each command.
 */
const PIECES = 4;
const SMALL = 32;

/** A Cluster loses connections to nodes, and sends again, without a word; but no sooner than after this, in ms. */
const RETRY_DELAY = 100;

/** A command is given up when so many parts of `commandTimeout` have begun since: one timer for all, not one for each. */
const PARTS = 8;

/** How many replicas must have a grant, and how long to wait for them in ms. */
export interface Replicas {
  readonly atLeast: number;
  readonly timeout: number;
}

interface CommandSettings {
  readonly clock: Clock;
  /** In ms. */
  readonly commandTimeout: number;
  readonly replicas: Replicas | undefined;
  readonly lastError: () => unknown;
  readonly onLoss: () => void;
  /** Somebody has waited for half of `commandTimeout`; called again and again while it is so. */
  readonly onDelay: () => void;
  /** Whether the client connects again though it says that it has ended. See `persistent`. */
  readonly comesBack: boolean;
}

/**
 * Sends operations: those that come up in one turn of the event loop go together, except on a Cluster, where each lock may be
 * on another node. Nothing is sent before the client is ready, since its offline queue may keep a command for as
 * long as the server is away.
 */
export class Commands implements CallContext {
  readonly clock: Clock;
  readonly commandTimeout: number;
  readonly lastError: () => unknown;
  readonly #together: number;
  readonly #mayResendAfter: number;
  /** What is to be sent at the end of this turn. Releases go first: what they free may be granted in the same command. */
  #releases: Call[] = [];
  #others: Call[] = [];
  /** All that have no answer yet. */
  readonly #pending = new Bag<Call>();
  #onIdle: (() => void) | undefined;
  #part = 0;
  #timer: Timer | undefined;
  /** Those that wait for the connection. */
  readonly #asleep = new Set<Call>();
  /** How often the connection was lost so far: the client may have sent again what was on its way. */
  #losses = 0;
  readonly #listeners: readonly (readonly [string, () => void])[];

  constructor(
    private readonly client: RedisClient,
    private readonly settings: CommandSettings,
  ) {
    this.clock = settings.clock;
    this.commandTimeout = settings.commandTimeout;
    this.lastError = settings.lastError;
    this.#together = isCluster(client) ? 1 : TOGETHER;
    this.#mayResendAfter = isCluster(client) ? RETRY_DELAY : Infinity;
    const wake = (): void => {
      const calls = [...this.#asleep];
      this.#asleep.clear();
      for (const call of calls) this.post(call);
    };
    const close = (): void => {
      this.#losses++;
      settings.onLoss();
    };
    this.#listeners = [
      ['ready', wake],
      ['end', wake],
      ['close', close],
    ];
    for (const [event, listener] of this.#listeners) client.on(event, listener);
  }

  /** Resolves when nobody waits for an answer; `undefined` if it is so. */
  get idle(): Promise<void> | undefined {
    return this.#pending.size === 0 ? undefined : new Promise((resolve) => (this.#onIdle = resolve));
  }

  /** Refuses all that have no answer yet, but for releases. */
  refuse(): void {
    for (const call of this.#pending) if (call.args[0] !== 'release') call.closed();
  }

  /** Leaves the client as it was found. */
  detach(): void {
    for (const [event, listener] of this.#listeners) this.client.removeListener(event, listener);
  }

  start(keys: readonly string[], args: readonly string[], handler: CallHandler): Call {
    const call = new Call(this, keys, args, handler);
    call.part = this.#part;
    this.#pending.add(call);
    this.#timer ??= this.#tick();
    return call;
  }

  /** As `start`, for whoever has the time for a promise. It rejects with LockUnavailableError. */
  request(keys: readonly string[], args: readonly string[]): Promise<Answer> {
    return new Promise((answered, refused) => {
      this.start(keys, args, { answered, refused });
    });
  }

  post(call: Call): void {
    const { status } = this.client;
    if (status === 'end' && !this.settings.comesBack) {
      process.nextTick(() => call.failed(new ClientEndedError()));
    } else if (status !== 'ready' && status !== 'wait') {
      this.#asleep.add(call);
    } else {
      if (this.#releases.length + this.#others.length === 0) process.nextTick(this.#flush);
      (call.args[0] === 'release' ? this.#releases : this.#others).push(call);
    }
  }

  forget(call: Call): void {
    this.#pending.delete(call);
    this.#asleep.delete(call);
    if (this.#onIdle && this.#pending.size === 0) this.#onIdle();
  }

  #tick(): Timer {
    const timer = this.clock.setTimeout(() => {
      this.#part++;
      let isDelayed = false;
      for (const call of this.#pending) {
        if (call.part <= this.#part - PARTS) call.timedOut();
        else isDelayed ||= call.part <= this.#part - PARTS / 2;
      }
      if (isDelayed) this.settings.onDelay();
      this.#timer = this.#pending.size > 0 ? this.#tick() : undefined;
    }, this.commandTimeout / PARTS);
    timer.unref?.();
    return timer;
  }

  readonly #flush = (): void => {
    const calls = [...this.#releases, ...this.#others].filter((call) => !call.isOver);
    this.#releases = [];
    this.#others = [];
    const piece = this.settings.replicas ? Infinity : Math.max(SMALL, Math.ceil(calls.length / PIECES));
    const together = Math.min(this.#together, piece);
    for (let i = 0; i < calls.length; i += together) this.#send(calls.slice(i, i + together));
  };

  #send(calls: readonly Call[]): void {
    const losses = this.#losses;
    const sentAt = this.clock.now();
    const keys: string[] = [];
    const args: string[] = [];
    for (const call of calls) {
      call.sent();
      keys.push(...call.keys);
      args.push(...call.args);
    }
    const answered = (values: unknown, replicas?: unknown): void => {
      const wasLost = losses !== this.#losses || this.clock.now() - sentAt >= this.#mayResendAfter;
      calls.forEach((call, i) =>
        call.answered((values as unknown[])[i], sentAt, wasLost, replicas as number | undefined),
      );
    };
    const failed = (error: unknown): void => {
      for (const call of calls) call.failed(error);
    };
    this.#run('evalsha', SHA, keys, args, answered, (error) => {
      if (!messageOf(error).startsWith('NOSCRIPT')) failed(error);
      else this.#run('eval', SCRIPT, keys, args, answered, failed);
    });
  }

  /** @param answered - gets the answers, and how many replicas have it, if they are asked */
  #run(
    command: 'eval' | 'evalsha',
    script: string,
    keys: readonly string[],
    args: readonly string[],
    answered: (values: unknown, replicas?: unknown) => void,
    failed: (error: unknown) => void,
  ): void {
    const { replicas } = this.settings;
    if (!replicas || isRelease(args)) {
      this.client[command](script, keys.length, ...keys, ...args).then(answered, failed);
      return;
    }
    const wait = ['wait', replicas.atLeast, replicas.timeout]; // right after it, on the same connection to the same node
    const pipeline = this.client.pipeline([[command, script, keys.length, ...keys, ...args], wait]);
    pipeline.exec().then((results) => {
      const [[refusal, values], [failure, confirmed]] = results as [[unknown, unknown], [unknown, unknown]];
      const error = refusal ?? failure;
      if (error) failed(error);
      else answered(values, Number(confirmed));
    }, failed);
  }
}

/** A single release need not be confirmed: if a failover loses it, the lock lasts too long, not too short. */
function isRelease([operation, ...rest]: readonly string[]): boolean {
  return operation === 'release' && rest.length === 1;
}
