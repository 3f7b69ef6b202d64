import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock';
import type { CallContext } from './call';
import { Call } from './call';
import type { RedisClient } from './client';
import { isCluster } from './client';
import { messageOf } from './failures';
import { SCRIPT } from './script';

const SHA = createHash('sha1').update(SCRIPT).digest('hex');

/** How many operations one command carries at most: the server does nothing else meanwhile, for less than a millisecond. */
const TOGETHER = 128;

/** How many replicas must have a grant, and how long to wait for them in ms. */
export interface Replicas {
  readonly atLeast: number;
  readonly timeout: number;
}

export interface CommandSettings {
  readonly clock: Clock;
  /** In ms. */
  readonly commandTimeout: number;
  readonly replicas: Replicas | undefined;
  readonly lastError: () => unknown;
  readonly onLoss: () => void;
}

/**
 * Sends operations: all that come up in one turn of the event loop go in one command, except on a Cluster, where each lock
 * may be on another node. Nothing is sent before the client is ready, since its offline queue may keep a command for as
 * long as the server is away.
 */
export class Commands implements CallContext {
  readonly clock: Clock;
  readonly commandTimeout: number;
  readonly lastError: () => unknown;
  readonly #together: number;
  /** Those to be sent at the end of this turn. */
  #batch: Call[] = [];
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

  /** Leaves the client as it was found. */
  detach(): void {
    for (const [event, listener] of this.#listeners) this.client.removeListener(event, listener);
  }

  acquire(keys: readonly string[], ...args: readonly string[]): Call {
    return new Call(this, keys, ['acquire', ...args]);
  }

  release(keys: readonly string[], holder: string): Call {
    return new Call(this, keys, ['release', holder]);
  }

  renew(keys: readonly string[], holder: string, mode: string, ttl: string): Call {
    return new Call(this, keys, ['renew', holder, mode, ttl]);
  }

  post(call: Call): void {
    const { status } = this.client;
    if (status === 'end') return call.failed(new Error('the client is closed'));
    if (status !== 'ready' && status !== 'wait') {
      this.#asleep.add(call);
    } else if (this.#batch.push(call) === 1) {
      process.nextTick(this.#flush);
    }
  }

  recall(call: Call): void {
    this.#asleep.delete(call);
  }

  readonly #flush = (): void => {
    const calls = this.#batch.filter((call) => !call.isOver);
    this.#batch = [];
    for (let i = 0; i < calls.length; i += this.#together) void this.#send(calls.slice(i, i + this.#together));
  };

  async #send(calls: readonly Call[]): Promise<void> {
    const losses = this.#losses;
    const sentAt = this.clock.now();
    for (const call of calls) call.sent();
    const keys = calls.flatMap((call) => call.keys);
    const args = calls.flatMap((call) => call.args);
    try {
      const [values, replicas] = await this.#run(keys, args);
      const wasLost = losses !== this.#losses;
      calls.forEach((call, i) => call.answered(values[i], sentAt, wasLost, replicas));
    } catch (error) {
      for (const call of calls) call.failed(error);
    }
  }

  async #run(keys: readonly string[], args: readonly string[]): Promise<[readonly unknown[], number | undefined]> {
    try {
      return await this.#command('evalsha', SHA, keys, args);
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
      return this.#command('eval', SCRIPT, keys, args);
    }
  }

  async #command(
    name: 'eval' | 'evalsha',
    script: string,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<[readonly unknown[], number | undefined]> {
    const { replicas } = this.settings;
    if (!replicas) {
      return [(await this.client[name](script, keys.length, ...keys, ...args)) as readonly unknown[], undefined];
    }
    const wait = ['wait', replicas.atLeast, replicas.timeout]; // right after it, on the same connection to the same node
    const answers = await this.client.pipeline([[name, script, keys.length, ...keys, ...args], wait]).exec();
    const [values, confirmed] = answers!;
    const error = values![0] ?? confirmed![0];
    if (error) throw error as Error;
    return [values![1] as readonly unknown[], Number(confirmed![1])];
  }
}
