import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Claim, Grant, LockBackend, Outcome } from '../../core/backend';
import { LockUnavailableError } from '../../core/errors';
import type { LockServiceInit } from '../../core/lock-service';
import { LockService } from '../../core/lock-service';
import type { LockBackendCapability, LockBackendHarness } from '../backend-harness';
import { Asking } from './asking';
import { PATIENCE, Patience } from './patience';

/** @internal A case before it is tied to a harness. */
export interface CaseScript {
  readonly name: string;
  readonly needs?: readonly LockBackendCapability[];
  readonly lacks?: LockBackendCapability;
  readonly play: (scene: Scene) => Promise<void>;
}

/** @internal What a case says of its claims; the rest is filled in. */
export type ClaimOptions = Partial<Pick<Claim, 'key' | 'holder' | 'mode' | 'permits' | 'ttl' | 'fences' | 'wait'>>;

/** A ttl that does not end within a case, in multiples of the harness's. */
const LONG = 40;

/**
 * @internal
 * What one case plays on: its keys, backends, claims and services, and the time.
 */
export class Scene extends Patience {
  /** The key that claims are about when they name no other. */
  readonly key: string;
  /** A ttl that does not end within the case. */
  readonly long: number;
  readonly #base = `kit:${randomUUID()}`;
  readonly #keys = new Set<string>();
  readonly #backends: LockBackend[] = [];
  readonly #services: LockService[] = [];
  readonly #askings: Asking[] = [];

  private constructor(harness: LockBackendHarness) {
    super(harness);
    this.long = harness.ttl * LONG;
    this.key = this.keyOf('');
  }

  /** Plays the case, checks that it left nothing behind, and cleans up after one that failed. */
  static async play(harness: LockBackendHarness, script: CaseScript['play']): Promise<void> {
    const scene = new Scene(harness);
    try {
      await script(scene);
      await scene.#assertNothingLeft();
    } catch (error) {
      await scene.#letGo();
      throw error;
    } finally {
      await scene.quietly(scene.#backends.map(async (backend) => backend.close?.()));
    }
  }

  /** A further key of this case. */
  keyOf(suffix: string): string {
    const key = this.#base + suffix;
    this.#keys.add(key);
    return key;
  }

  /** A further process's backend, opened. */
  async connect(): Promise<LockBackend> {
    return this.open(await this.harness.connect());
  }

  /** As many processes' backends. */
  async connectAll(count: number): Promise<readonly LockBackend[]> {
    return Promise.all(Array.from({ length: count }, () => this.connect()));
  }

  /** Opens a backend, and sees to it that it is closed. */
  async open(backend: LockBackend): Promise<LockBackend> {
    this.#backends.push(backend);
    await this.settle((async () => backend.open?.())(), 'open()');
    return backend;
  }

  /** A further process: with a backend of its own unless given. Waits without end, and for locks that do not run out. */
  async service(options: Partial<LockServiceInit> = {}): Promise<LockService> {
    const { backend = await this.connect(), ...others } = options;
    const { name, clock, attempts } = backend;
    const service = new LockService({
      // Without close: first it is looked at what was left behind.
      backend: {
        name,
        clock,
        attempts,
        acquire: (claim) => backend.acquire(claim),
        renew: (grants) => backend.renew(grants),
      },
      prefix: '',
      ttl: this.long,
      waitTimeout: Infinity,
      shutdownTimeout: 0,
      ...others,
    });
    this.#services.push(service);
    return service;
  }

  /** As many processes. */
  async services(count: number, options?: Partial<LockServiceInit>): Promise<readonly LockService[]> {
    return Promise.all(Array.from({ length: count }, () => this.service(options)));
  }

  /** Sends a claim: exclusive, waiting and with a ttl that does not end within the case, unless said otherwise. */
  ask(backend: LockBackend, options: ClaimOptions = {}, onContended?: (asking: Asking) => void): Asking {
    const mode = options.mode ?? (options.permits === undefined ? 'exclusive' : 'shared');
    const permits = mode === 'shared' ? Infinity : 1;
    const claim = {
      key: this.key,
      holder: randomUUID(),
      mode,
      permits,
      ttl: this.long,
      fences: 1,
      wait: true,
      ...options,
    };
    this.#keys.add(claim.key);
    const asking = new Asking(backend, claim, onContended);
    this.#askings.push(asking);
    return asking;
  }

  /** Gets a lock that is free: without waiting, unless said otherwise. */
  async get(backend: LockBackend, options: ClaimOptions = {}): Promise<Grant> {
    return this.granted(this.ask(backend, { wait: false, ...options }));
  }

  /** Expects that a claim which does not wait is told that the lock is held. */
  async refused(backend: LockBackend, options: ClaimOptions = {}): Promise<void> {
    const asking = this.ask(backend, { ...options, wait: false });
    assert.equal(
      await this.settle(asking.result, 'a claim that does not wait'),
      null,
      `expected ${asking} to be refused`,
    );
  }

  /** Waits for the grant. */
  async granted(asking: Asking): Promise<Grant> {
    const grant = await this.settle(asking.result, String(asking));
    assert.ok(grant, `expected ${asking} to be granted, got null`);
    return grant;
  }

  /** Expects the claim to be told that it waits, and to go on waiting. */
  async queued(asking: Asking): Promise<Asking> {
    await this.until(() => asking.contended > 0 || asking.isSettled, `${asking} to be told that it waits`);
    await this.waits(asking);
    return asking;
  }

  /** Sends a claim and expects it to wait. */
  async line(backend: LockBackend, options?: ClaimOptions): Promise<Asking> {
    return this.queued(this.ask(backend, options));
  }

  /** Expects the claim to be waiting, now and after a while. */
  async waits(...askings: readonly Asking[]): Promise<void> {
    await this.harness.advance(this.ttl / 10);
    for (const asking of askings)
      assert.ok(!asking.isSettled, `expected ${asking} to wait, but it has ${asking.outcome}`);
  }

  /** Waits until one of the claims is answered. */
  async first(askings: readonly Asking[]): Promise<Asking> {
    await this.until(() => askings.some((each) => each.isSettled), 'one of those who wait to be served');
    return askings.find((each) => each.isSettled)!;
  }

  /** Gives locks back, one after the other, those of claims when they are granted; expects that they were ours until then. */
  async free(...held: readonly (Grant | Asking)[]): Promise<void> {
    for (const each of held) {
      const grant = each instanceof Asking ? await this.granted(each) : each;
      assert.equal(await this.settle(grant.release({ ok: true }), 'release()'), 'released');
    }
  }

  /** Renews. What could not be found out just now is asked again: another's statement is in the way, or a connection ends. */
  async renew(backend: LockBackend, grants: readonly Grant[], waited = 0): Promise<readonly (number | null)[]> {
    const answers = await this.settle(backend.renew(grants), 'renew()');
    assert.equal(answers.length, grants.length, 'expected one answer for each grant that is renewed');
    const unknown = grants.filter((_, i) => answers[i] === undefined);
    if (unknown.length === 0) return answers as readonly (number | null)[];
    assert.ok(waited < PATIENCE, `expected to learn whether locks were renewed, asked for ${PATIENCE} ttls`);
    await this.harness.advance(this.ttl / 10);
    const late = [...(await this.renew(backend, unknown, waited + 1 / 10))];
    return answers.map((answer) => (answer === undefined ? late.shift()! : answer));
  }

  /** Expects that the lock was lost before: a renewal says so, and a release as well, if it can be found out. */
  async gone(backend: LockBackend, grant: Grant, outcome: Outcome = { ok: true }): Promise<void> {
    assert.deepEqual(await this.renew(backend, [grant]), [null]);
    const release = grant.release(outcome).catch((error: unknown) => error);
    const answer = await this.settle(release, 'release()');
    if (!(answer instanceof LockUnavailableError)) assert.equal(answer, 'lost');
  }

  async #assertNothingLeft(): Promise<void> {
    await this.settle(Promise.all(this.#services.map((service) => service.close())), 'close()');
    const prober = await this.connect();
    for (const key of this.#keys) await this.free(await this.#probe(prober, key));
    let residue: readonly string[] = ['not looked at yet'];
    const look = async (): Promise<void> => void (residue = await this.harness.residue());
    for (let waited = 0; residue.length > 0 && waited < PATIENCE; waited += 1 / 10) {
      await this.settle(look(), 'residue()');
      if (residue.length > 0) await this.harness.advance(this.ttl / 10);
    }
    assert.deepEqual(residue, [], 'expected nothing to be left in the store');
  }

  /** Gets the key's lock, which must be free now or, if attempts were abandoned in the background, soon. */
  async #probe(prober: LockBackend, key: string): Promise<Grant> {
    for (let waited = 0; waited < PATIENCE; waited += 1 / 10) {
      const grant = await this.settle(this.ask(prober, { key, wait: false }).result, 'the last claim of the case');
      if (grant) return grant;
      await this.harness.advance(this.ttl / 10);
    }
    return assert.fail(`expected the lock ${JSON.stringify(key)} to be free at the end of the case`);
  }

  /** After a failure, so that it does not become the next case's. */
  async #letGo(): Promise<void> {
    for (const asking of this.#askings) asking.abort(new Error('the case has failed'));
    await this.quietly([
      ...this.#services.map((service) => service.close()),
      ...this.#askings.map(async (asking) =>
        (await asking.result)?.release({ error: new Error('the case has failed') }),
      ),
    ]);
  }
}
