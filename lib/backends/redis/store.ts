import type { Claim, Grant, LockMode, ReleaseAnswer } from '../../core/backend';
import { provableUntil } from '../../core/backend';
import type { Clock } from '../../core/clock';
import { systemClock } from '../../core/clock';
import type { AttemptContext, Notice, Reply } from './attempt';
import { Attempt } from './attempt';
import type { Call } from './call';
import type { OwnRedisClient, RedisClient } from './client';
import { isCluster } from './client';
import { ClockBound } from './clock-bound';
import type { Replicas } from './commands';
import { Commands } from './commands';
import { unavailable } from './failures';
import { keysOf } from './keys';
import { RedisGrant } from './redis-grant';
import { Subscriber } from './subscriber';

export interface StoreSettings {
  /** In ms. */
  readonly commandTimeout: number;
  readonly replicas: Replicas | undefined;
  readonly notifications: boolean;
  readonly lastError: () => unknown;
  /** Makes the connection that listens for grants. */
  readonly connectSubscriber: () => OwnRedisClient;
}

/** The locks in Redis, by way of one client. */
export class RedisStore implements AttemptContext {
  readonly clock: Clock = systemClock;
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

  ask(claim: Claim): { call: Call; reply: Promise<Reply> } {
    const { holder, mode, permits, ttl, fences, wait } = claim;
    const call = this.#commands.acquire(
      keysOf(claim.key),
      holder,
      letterOf(mode),
      permits < 1e9 ? String(permits) : '0', // more than there can be: no limit
      wholeMs(ttl),
      String(fences),
      wait ? '1' : '0',
      this.#isCluster ? '0' : '1',
      this.isTold ? this.#subscriber!.channel : '-',
    );
    return { call, reply: this.#reply(call) };
  }

  async #reply(call: Call): Promise<Reply> {
    const { value, sentAt, replicas } = await call.answer;
    const [granted, number, time] = (value as readonly unknown[]).map(Number) as [number, number, number];
    this.#bound.learn(sentAt, time / 1_000);
    if (granted === 0) {
      this.#subscriber?.start();
      return { fence: undefined, sentAt, time, left: number };
    }
    this.#checkReplicas(replicas);
    return { fence: number, sentAt, time, left: 0 };
  }

  grant(claim: Claim, fence: number, validUntil: number): Grant {
    return new RedisGrant(this, keysOf(claim.key), claim, fence, validUntil);
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
    const { value, sentAt, replicas } = await this.#commands.renew(keys, holder, letterOf(mode), wholeMs(ttl)).answer;
    if (Number(value) !== 1) return null;
    this.#checkReplicas(replicas);
    return provableUntil(sentAt, ttl);
  }

  async release({ keys, claim }: RedisGrant): Promise<ReleaseAnswer> {
    const call = this.#commands.release(keys, claim.holder);
    try {
      const { value, mayBeRepeated } = await call.answer;
      if (Number(value) === 1) return 'released';
      if (!mayBeRepeated) return 'lost';
    } catch (error) {
      this.withdraw(claim, call);
      throw error;
    }
    throw unavailable('The connection was lost during the release, so it is not known whether the lock was still held');
  }

  withdraw(claim: Claim, call: Call): void {
    call.abandon();
    if (!call.wasSent) return;
    const errand = this.#withdraw(claim, call).finally(() => this.#errands.delete(errand));
    this.#errands.add(errand);
  }

  /** Tries until the server has said that it is done, or it cannot hold or wait any more by itself. */
  async #withdraw({ key, holder, ttl }: Claim, call: Call): Promise<void> {
    await call.ended;
    const until = this.clock.now() + 2 * Math.max(ttl, 1_000);
    while (!this.#isClosed && this.clock.now() < until) {
      try {
        await this.#commands.release(keysOf(key), holder).answer;
        return;
      } catch {
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

function letterOf(mode: LockMode): string {
  return mode === 'exclusive' ? 'x' : 's';
}
