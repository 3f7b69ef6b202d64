import type { Claim, Grant, LockBackend, ReleaseAnswer } from '../../core/backend';
import { provableUntil } from '../../core/backend';
import { Bag } from '../../core/bag';
import type { Clock } from '../../core/clock';
import { systemClock } from '../../core/clock';
import { LateListeners } from '../../core/late-listeners';
import { renewalAnswers } from '../../core/renewal-answers';
import type { AttemptContext, Notice, Reply } from './attempt';
import { Attempt } from './attempt';
import type { Answer, Call } from './call';
import type { OwnRedisClient, RedisClient } from './client';
import { isCluster } from './client';
import { ClockBound } from './clock-bound';
import type { Replicas } from './commands';
import { Commands } from './commands';
import { backendClosed, unavailable } from './failures';
import { idOf } from './keys';
import type { RedisAddress } from './options';
import { RedisGrant } from './redis-grant';
import { Subscriber } from './subscriber';
import { Withdrawals } from './withdrawals';

interface StoreSettings {
  /** In ms. */
  readonly commandTimeout: number;
  readonly replicas: Replicas | undefined;
  readonly notifications: boolean;
  readonly lastError: () => unknown;
  /** An answer is long in coming. */
  readonly onDelay: () => void;
  /** Where a client of ours asks for the primary, if there is one and it does. */
  readonly sentinels?: readonly RedisAddress[] | undefined;
  /** Makes the connection that listens for grants. */
  readonly connectSubscriber: () => OwnRedisClient;
}

/** The locks in Redis, by way of one client. */
export class RedisStore implements AttemptContext {
  readonly clock: Clock = systemClock;
  readonly listeners = new LateListeners(this.clock);
  readonly attempts = new Bag<Attempt>();
  readonly waiting = new Map<string, Attempt>();
  readonly #commands: Commands;
  readonly #subscriber: Subscriber | undefined;
  readonly #bound = new ClockBound(this.clock);
  readonly #isCluster: boolean;
  readonly #withdrawals: Withdrawals;

  constructor(
    client: RedisClient,
    private readonly settings: StoreSettings,
  ) {
    const { clock } = this;
    const { commandTimeout, replicas, lastError, onDelay } = settings;
    this.#isCluster = isCluster(client);
    this.#commands = new Commands(client, {
      clock,
      commandTimeout,
      replicas,
      lastError,
      onDelay,
      onLoss: () => this.#bound.forget(),
      comesBack: settings.sentinels !== undefined,
    });
    this.#withdrawals = new Withdrawals(this.#commands, clock);
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
        for (const attempt of this.attempts) attempt.ask();
      },
    });
  }

  get isTold(): boolean {
    return this.#subscriber?.works === true;
  }

  acquire(claim: Claim): Promise<Grant | null> {
    return new Attempt(this, claim).result;
  }

  ask(claim: Claim, keys: readonly string[], attempt: Attempt): Call {
    const { mode, permits, ttl, fences, wait } = claim;
    const limit = permits < 1e9 ? permits : 0; // more than there can be is no limit
    const counted = this.#isCluster ? 0 : 1;
    const channel = this.isTold ? this.#subscriber!.channel : '-';
    const rest = `${limit} ${wait ? 1 : 0} ${counted} ${channel}`;
    const operation = mode === 'exclusive' ? 'acquire' : 'acquireShared';
    return this.#commands.start(keys, [operation, idOf(claim), wholeMs(ttl), String(fences), rest], attempt);
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

  /**
   * Refuses who asks or waits. Sees to what is left of them, and to releases on their way, for `commandTimeout` at the
   * longest; leaves the client as it was.
   */
  async close(): Promise<void> {
    for (const attempt of this.attempts) attempt.refused(backendClosed());
    this.#commands.refuse();
    await Promise.race([this.#settled(), this.#sleep(this.settings.commandTimeout)]);
    this.#withdrawals.close();
    this.#subscriber?.close();
    this.#commands.detach();
  }

  async #settled(): Promise<void> {
    for (;;) {
      const { idle } = this.#commands;
      if (!idle && this.#withdrawals.areDone) return;
      await Promise.all([idle, this.#withdrawals.settled()]); // which may leave others to be run
    }
  }

  momentOf(serverTime: number): number | undefined {
    if (this.#isCluster || this.settings.replicas) return undefined; // many clocks; nothing confirmed yet
    const bound = this.#bound.value;
    return bound === undefined ? undefined : serverTime + bound;
  }

  renew(grants: readonly Grant[]): ReturnType<LockBackend['renew']> {
    const ours = grants as readonly RedisGrant[];
    const renewals = ours.map((grant) => this.#renew(grant));
    if (!this.#isCluster || ours.length === 0) return renewalAnswers(renewals);
    // One node that is silent must not cost the locks of the others, which answer at about the same time.
    const shortest = ours.reduce((least, { claim }) => Math.min(least, claim.ttl), Infinity);
    const late = Promise.any(renewals).then(async () => {
      await this.#sleep(shortest / 6);
      throw unavailable('The node of this lock did not answer when others had done so');
    });
    return renewalAnswers(renewals.map((renewal) => Promise.race([renewal, late])));
  }

  async #renew({ keys, claim }: RedisGrant): Promise<number | null> {
    const { mode, ttl } = claim;
    const operation = mode === 'exclusive' ? 'renew' : 'renewShared';
    const { value, sentAt, replicas } = await this.#commands.request(keys, [operation, idOf(claim), wholeMs(ttl)]);
    if (Number(value) !== 1) return null;
    this.#checkReplicas(replicas);
    return provableUntil(sentAt, ttl);
  }

  release({ keys, claim }: RedisGrant): Promise<ReleaseAnswer> {
    return new Promise((resolve, reject) => {
      const call = this.#commands.start(keys, ['release', idOf(claim)], {
        answered: ({ value, mayBeRepeated }) => {
          if (Number(value) === 1) resolve('released');
          else if (!mayBeRepeated) resolve('lost');
          else
            reject(unavailable('The connection was lost during the release: the lock may or may not have been held'));
        },
        refused: (error) => {
          reject(error);
          this.#withdrawals.add(claim, call); // even if it was not sent: it is still held
        },
      });
    });
  }

  withdraw(claim: Claim, call: Call): void {
    call.abandon();
    if (call.wasSent) this.#withdrawals.add(claim, call);
  }

  /** A message for one who waits: id, kind, first token, the server's time in µs, expiry in ms. */
  #hear(text: string): void {
    const [id, kind, fence, time, expiry] = text.split(' ');
    this.#bound.check(Number(time) / 1_000);
    // Whoever is not here any more withdraws its claim anyway, and that hands the grant on.
    (this.waiting.get(id!) ?? this.#unanswered(id!))?.hear({
      kind: kind as Notice['kind'],
      fence: Number(fence),
      time: Number(time),
      expiry: Number(expiry),
    });
  }

  /** The message has come before the answer to the claim. */
  #unanswered(id: string): Attempt | undefined {
    for (const attempt of this.attempts) if (attempt.id === id) return attempt;
    return undefined;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimeout(resolve, ms).unref?.());
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
