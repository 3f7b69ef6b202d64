import type { Claim, Grant, LockBackend, ReleaseAnswer } from '../../core/backend';
import type { Clock } from '../../core/clock';
import { systemClock } from '../../core/clock';
import { Errands } from '../../core/errands';
import { LateListeners } from '../../core/late-listeners';
import { Patience } from '../../core/patience';
import { renewalAnswers } from '../../core/renewal-answers';
import type { AttemptContext } from './attempt';
import { Attempt } from './attempt';
import { Code } from './client';
import type { Driver } from './driver';
import { hasCode, unavailable, ZooKeeperError } from './failures';
import type { ZooKeeperSettings } from './options';
import { join } from './paths';
import type { Place } from './place';
import { lookFor } from './place';
import { Sessions } from './sessions';
import { ZooKeeperGrant } from './zookeeper-grant';

/** How soon a node that could not be deleted is tried again, in ms: after a lost connection, and after a refusal. */
const RETRY_SOON = 100;
const RETRY_LATER = 5_000;

/** The locks in ZooKeeper. */
export class ZooKeeperStore implements AttemptContext {
  readonly clock: Clock = systemClock;
  readonly listeners = new LateListeners(this.clock);
  readonly patience = new Patience(this.clock);
  readonly sessions: Sessions;
  /** What is being seen to in the background. */
  readonly #errands = new Errands();

  constructor(
    Driver: Driver,
    readonly settings: ZooKeeperSettings,
  ) {
    this.sessions = new Sessions(Driver, settings, this.clock);
  }

  acquire(claim: Claim): Promise<Grant | null> {
    return new Attempt(this, claim).result;
  }

  grant(claim: Claim, { session, parent, name }: Place, zxid: number): Grant {
    return new ZooKeeperGrant(this, session, join(parent, name!), claim, zxid);
  }

  renew(grants: readonly Grant[]): ReturnType<LockBackend['renew']> {
    return renewalAnswers((grants as readonly ZooKeeperGrant[]).map((grant) => this.#renew(grant)));
  }

  release(grant: ZooKeeperGrant): Promise<ReleaseAnswer> {
    if (grant.isOver) return Promise.resolve('lost');
    grant.end();
    return this.#within(this.#errands.see(this.#remove(grant)), 'The lock could not be given back');
  }

  discard(place: Place): void {
    if (place.name === undefined && !place.isUncertain) return;
    void this.#errands.see(this.#discard(place));
  }

  /** Lets the errands end, for `commandTimeout` at the longest. */
  async close(): Promise<void> {
    await this.#within(this.#errands.settled(), '').catch(() => undefined);
    this.sessions.close();
  }

  async #renew(grant: ZooKeeperGrant): Promise<number | null> {
    if (grant.isOver) return null;
    const { session } = grant;
    const validUntil = await this.#within(session.prove(), 'The session could not be proven');
    if (!grant.isOver) this.#guard(grant); // not before: by now the server knows of all that was agreed upon
    return grant.isOver ? null : validUntil;
  }

  /** Has the grant hear of it when its node is deleted. Not before the first renewal: most locks are held for less. */
  #guard(grant: ZooKeeperGrant): void {
    const { session, path } = grant;
    grant.unwatch ??= session.watches.watch(path, (error) => {
      grant.unwatch = undefined;
      if (hasCode(error, Code.noNode))
        grant.lose({ reason: 'stolen', cause: new Error(`Somebody else has deleted the node "${path}"`) });
      else if (error === undefined && !grant.isOver) this.#guard(grant); // it may have been something else
    });
  }

  /** Deletes the node of a lock that was held until now. */
  async #remove({ session, path }: ZooKeeperGrant): Promise<ReleaseAnswer> {
    let wasSent = false;
    for (;;) {
      try {
        await session.requests.remove(path);
        return 'released';
      } catch (error) {
        if (hasCode(error, Code.noNode)) return wasSent ? 'released' : 'lost';
        wasSent ||= !hasCode(error, Code.invalidState);
        if (session.isOver && !wasSent) return 'lost';
        if (session.isOver)
          throw unavailable('The session ended during the release: the lock may or may not have been held', error);
        await this.#sleep(error);
      }
    }
  }

  async #discard(place: Place): Promise<void> {
    const { session, parent } = place;
    while (!session.isOver) {
      try {
        if (place.name === undefined && !(await lookFor(place, this.settings.recipe))) return;
        await session.requests.remove(join(parent, place.name!));
        return;
      } catch (error) {
        if (hasCode(error, Code.noNode)) return;
        await this.#sleep(error);
      }
    }
  }

  async #sleep(error: unknown): Promise<void> {
    const isPassing = error instanceof ZooKeeperError && error.isLoss;
    await new Promise<void>((resolve) => {
      this.clock.setTimeout(resolve, isPassing ? RETRY_SOON : RETRY_LATER).unref?.();
    });
  }

  /** Rejects with LockUnavailableError after `commandTimeout`. */
  #within<T>(promise: Promise<T>, what: string): Promise<T> {
    const { patience, settings, sessions } = this;
    const { commandTimeout } = settings;
    const late = (): Error => unavailable(`${what} within ${commandTimeout} ms`, sessions.current.problem);
    return patience.limit(commandTimeout, promise, late);
  }
}
