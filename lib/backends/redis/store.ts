import type { Claim, Grant, ReleaseAnswer } from '../../core/backend';
import { provableUntil } from '../../core/backend';
import type { Clock } from '../../core/clock';
import { systemClock } from '../../core/clock';
import { LateListeners } from '../../core/late-listeners';
import type { AttemptContext, Notice, Reply } from './attempt';
import { Attempt } from './attempt';
import type { Answer, Call } from './call';
import type { OwnRedisClient, RedisClient } from './client';
import { isCluster } from './client';
import { ClockBound } from './clock-bound';
import type { Replicas } from './commands';
import { Commands } from './commands';
import { isPassing, unavailable } from './failures';
import { keysOf } from './keys';
import type { RedisAddress } from './options';
import { RedisGrant } from './redis-grant';
import { Subscriber } from './subscriber';

export interface StoreSettings {
  /** In ms. */
  readonly commandTimeout: number;
  readonly replicas: Replicas | undefined;
  readonly notifications: boolean;
  readonly lastError: () => unknown;
  /** Where a client of ours asks for the primary, if there is one and it does. */
  readonly sentinels?: readonly RedisAddress[] | undefined;
  /** Makes the connection that listens for grants. */
  readonly connectSubscriber: () => OwnRedisClient;
}

/** The locks in Redis, by way of one client. */
export class RedisStore implements AttemptContext {
  readonly clock: Clock = systemClock;
  readonly listeners = new LateListeners(this.clock);
  readonly waiting = new Map<string, Attempt>();
  readonly #commands: Commands;
  readonly #subscriber: Subscriber | undefined;
  readonly #bound = new ClockBound(this.clock);
  readonly #isCluster: boolean;
  /** What is being seen to in the background. */
  readonly #errands = new Set<Promise<void>>();
  #isClosed = false;

  constructor(
    client: RedisClient,
    private readonly settings: StoreSettings,
  ) {
    const { clock } = this;
    const { commandTimeout, replicas, lastError } = settings;
    this.#isCluster = isCluster(client);
    this.#commands = new Commands(client, {
      clock,
      commandTimeout,
      replicas,
      lastError,
      onLoss: () => this.#bound.forget(),
      comesBack: settings.sentinels !== undefined,
    });
    if (!settings.notifications) return;
    this.#subscriber = new Subscriber({
      clock,
      client,
      connect: settings.connectSubscriber,
      timeout: commandTimeout,
      isNeeded: () => this.waiting.size > 0,
      onMessage: (text) => this.#hear(text),
      onChange: () => {
        this.#bound.forget(); // a failover may have happened
        for (const attempt of [...this.waiting.values()]) attempt.ask();
      },
    });
  }

  get isTold(): boolean {
    return this.#subscriber?.works === true;
  }

  acquire(claim: Claim): Promise<Grant | null> {
    return new Attempt(this, claim).result;
  }

  ask({ holder, mode, permits, ttl, fences, wait }: Claim, keys: readonly string[], attempt: Attempt): Call {
    const limit = permits < 1e9 ? permits : 0; // more than there can be is no limit
    const counted = this.#isCluster ? 0 : 1;
    const channel = this.isTold ? this.#subscriber!.channel : '-';
    const rest = `${limit} ${wait ? 1 : 0} ${counted} ${channel}`;
    const operation = mode === 'exclusive' ? 'acquire' : 'acquireShared';
    return this.#commands.start(keys, [operation, holder, wholeMs(ttl), String(fences), rest], attempt);
  }

  /** @see SCRIPT for the values */
  read({ value, sentAt, replicas }: Answer): Reply {
    const [fence, time, left] = (Array.isArray(value) ? value : [value, value]).map(Number) as [
      number,
      number,
      number?,
    ];
    this.#bound.learn(sentAt, time / 1_000);
    if (left === undefined) this.#checkReplicas(replicas);
    return { fence, sentAt, time, left };
  }

  waits(): void {
    this.#subscriber?.start();
  }

  grant(claim: Claim, keys: readonly string[], fence: number, validUntil: number): Grant {
    return new RedisGrant(this, keys, claim, fence, validUntil);
  }

  /** Lets the errands end, for `commandTimeout` at the longest; leaves the client as it was. */
  async close(): Promise<void> {
    const timeout = new Promise<void>((resolve) => {
      this.clock.setTimeout(resolve, this.settings.commandTimeout).unref?.();
    });
    await Promise.race([Promise.all(this.#errands), timeout]);
    this.#isClosed = true;
    this.#subscriber?.close();
    this.#commands.detach();
  }

  momentOf(serverTime: number): number | undefined {
    if (this.#isCluster || this.settings.replicas) return undefined; // many clocks; nothing confirmed yet
    const bound = this.#bound.value;
    return bound === undefined ? undefined : serverTime + bound;
  }

  async renew(grants: readonly Grant[]): Promise<(number | null | undefined)[]> {
    return Promise.all((grants as readonly RedisGrant[]).map((grant) => this.#renew(grant).catch(() => undefined)));
  }

  async #renew({ keys, claim: { holder, mode, ttl } }: RedisGrant): Promise<number | null> {
    const operation = mode === 'exclusive' ? 'renew' : 'renewShared';
    const { value, sentAt, replicas } = await this.#commands.request(keys, [operation, holder, wholeMs(ttl)]);
    if (Number(value) !== 1) return null;
    this.#checkReplicas(replicas);
    return provableUntil(sentAt, ttl);
  }

  release({ keys, claim }: RedisGrant): Promise<ReleaseAnswer> {
    return new Promise((resolve, reject) => {
      const call = this.#commands.start(keys, ['release', claim.holder], {
        answered: ({ value, mayBeRepeated }) => {
          if (Number(value) === 1) resolve('released');
          else if (!mayBeRepeated) resolve('lost');
          else
            reject(unavailable('The connection was lost during the release: the lock may or may not have been held'));
        },
        refused: (error) => {
          reject(error);
          this.#inBackground(this.#withdraw(claim, call)); // even if it was not sent: it is still held
        },
      });
    });
  }

  withdraw(claim: Claim, call: Call): void {
    call.abandon();
    if (call.wasSent) this.#inBackground(this.#withdraw(claim, call));
  }

  #inBackground(work: Promise<void>): void {
    const errand = work.finally(() => this.#errands.delete(errand));
    this.#errands.add(errand);
  }

  /** Tries until the server has said that it is done, or will not do it, or it cannot hold or wait any more by itself. */
  async #withdraw({ key, holder, ttl }: Claim, call: Call): Promise<void> {
    await call.ended;
    const until = this.clock.now() + 2 * Math.max(ttl, 1_000);
    while (!this.#isClosed && this.clock.now() < until) {
      try {
        await this.#commands.request(keysOf(key), ['release', holder]);
        return;
      } catch (error) {
        const { cause } = error as Error;
        if (cause !== undefined && !isPassing(cause)) return;
        await new Promise<void>((resolve) => this.clock.setTimeout(resolve, 250).unref?.());
      }
    }
  }

  /** A message for one who waits: holder, kind, first token, the server's time in µs, expiry in ms. */
  #hear(text: string): void {
    const [holder, kind, fence, time, expiry] = text.split(' ');
    this.#bound.check(Number(time) / 1_000);
    // Whoever is not here any more withdraws its claim anyway, and that hands the grant on.
    this.waiting.get(holder!)?.hear({
      kind: kind as Notice['kind'],
      fence: Number(fence),
      time: Number(time),
      expiry: Number(expiry),
    });
  }

  #checkReplicas(confirmed: number | undefined): void {
    const { replicas } = this.settings;
    if (!replicas || confirmed === undefined || confirmed >= replicas.atLeast) return;
    throw unavailable(
      `Only ${confirmed} of ${replicas.atLeast} replicas confirmed the lock within ${replicas.timeout} ms`,
    );
  }
}

/** The server counts whole ms; what it grants may last longer than what we rely on, never shorter. */
function wholeMs(ttl: number): string {
  return String(Math.ceil(ttl));
}
