import { randomUUID } from 'node:crypto';
import type { Claim, Grant } from '../../core/backend';
import type { Clock } from '../../core/clock';
import type { LateListeners } from '../../core/late-listeners';
import { Code } from './client';
import type { Standing } from './contenders';
import { markOf, standingOf } from './contenders';
import { enter } from './enter';
import { hasCode, unavailable, ZooKeeperError } from './failures';
import type { ZooKeeperSettings } from './options';
import { join, nodeNameOf } from './paths';
import type { Patience } from '../../core/patience';
import type { Place } from './place';
import type { Listing } from './requests';
import type { Session } from './session';
import type { Sessions } from './sessions';
import type { Wake } from './watches';

/** How long to wait when the session is not what it seems to be, in ms. */
const PAUSE = 20;

/** What an attempt needs of the store. */
export interface AttemptContext {
  readonly clock: Clock;
  readonly listeners: LateListeners;
  readonly patience: Patience;
  readonly settings: ZooKeeperSettings;
  readonly sessions: Sessions;
  grant(claim: Claim, place: Place, zxid: number): Grant;
  /** Sees to it in the background that no node of the claim is left. */
  discard(place: Place): void;
}

/** A claim on its way: makes a node, looks who is before it, waits for that one to go, looks again. */
export class Attempt {
  readonly result: Promise<Grant | null>;
  readonly #parent: string;
  #place: Place | undefined;
  /** It waits for any of too many to leave. */
  #isCrowded = false;
  #isListening = false;
  #isOver = false;
  #stopExpecting: (() => void) | undefined;
  #reject!: (reason: unknown) => void;
  #wake: (() => void) | undefined;

  constructor(
    private readonly context: AttemptContext,
    private readonly claim: Claim,
  ) {
    this.#parent = join(context.settings.root, nodeNameOf(claim.key));
    this.result = new Promise((resolve, reject) => {
      this.#reject = reject;
      context.listeners.add(this);
      this.#expectAnswer();
      this.#work().then(
        (zxid) => {
          if (!this.#finish()) this.#discard();
          else resolve(zxid === null ? null : context.grant(claim, this.#place!, zxid));
        },
        (error: unknown) => {
          this.#discard();
          this.#refuse(error);
        },
      );
    });
  }

  /** Hears of an abort from now on. */
  listen(): void {
    if (this.#isOver || this.#isListening) return;
    this.#isListening = true;
    const { signal } = this.claim;
    if (signal.aborted) this.#abort();
    else signal.addEventListener('abort', this.#abort, { once: true });
  }

  /** The last change of the lock's node when the lock was seen to be ours; `null` if another has it. */
  async #work(): Promise<number | null> {
    const { recipe } = this.context.settings;
    const mark = markOf(recipe, this.claim); // before anything is asked: it refuses what the recipe cannot do
    for (let id = this.claim.holder; ; this.#check()) {
      const { current } = this.context.sessions;
      const session = current.isUsable ? current : await this.#usableSession();
      if (this.#place?.session !== session) {
        this.#place = { session, id, parent: this.#parent, name: undefined, isUncertain: false };
        id = randomUUID(); // a node of an earlier session may be there for a while
      }
      try {
        const listing = await (this.#place.name === undefined
          ? this.#enter(this.#place, mark)
          : this.#look(this.#place));
        this.#check();
        if (session.isOver) continue;
        const standing = standingOf(this.#place.name, listing.names, recipe);
        if (standing === 'held') {
          if (session.validUntil <= this.context.clock.now()) await this.#prove(session);
          return listing.zxid;
        }
        if (standing === 'absent')
          this.#place.name = undefined; // somebody has deleted it
        else if (!this.claim.wait) return await this.#leave(this.#place);
        else await this.#wait(session, standing);
      } catch (error) {
        if (hasCode(error, Code.noNode) && this.#place.name !== undefined) {
          this.#place.name = undefined; // somebody has deleted the whole lock
          continue;
        }
        if (!(error instanceof ZooKeeperError) || !error.isLoss) throw error;
        if (session.isUsable) await this.#pause(); // it has not been noticed yet
      }
    }
  }

  /** @throws LockUnavailableError when the server has said why there is none */
  async #usableSession(): Promise<Session> {
    for (;;) {
      const session = this.context.sessions.current;
      if (session.isUsable) return session;
      if (this.context.sessions.isClosed) throw unavailable('The connection to ZooKeeper was closed');
      const isInLine = this.#place?.session === session && this.#place.name !== undefined;
      if (session.problem && !isInLine) throw unavailable('ZooKeeper cannot be used', session.problem);
      await this.#sleep(() => () => undefined);
      this.#check();
    }
  }

  #look({ session: { requests }, parent }: Place): Promise<Listing> {
    return this.#isCrowded ? requests.watchedChildren(parent) : requests.children(parent);
  }

  #enter(place: Place, mark: string): Promise<Listing> {
    this.#isCrowded = false; // what it is about to see is not watched
    return enter(place, {
      settings: this.context.settings,
      mark,
      label: this.claim.label,
      check: () => this.#check(),
      discard: (other) => this.context.discard(other),
    });
  }

  async #prove(session: Session): Promise<void> {
    if ((await session.prove()) > this.context.clock.now()) return;
    throw unavailable('The session with ZooKeeper could not be proven in time');
  }

  async #leave(place: Place): Promise<null> {
    await place.session.requests.remove(join(place.parent, place.name!)).catch((error: unknown) => {
      if (!hasCode(error, Code.noNode)) this.#discard(); // it is not ours to have, whatever becomes of the node
    });
    return null;
  }

  /** Until there is a reason to look again. */
  async #wait(session: Session, standing: Exclude<Standing, 'held' | 'absent'>): Promise<void> {
    this.listen();
    this.claim.contended();
    this.#check();
    if (standing === 'crowded' && !this.#isCrowded) {
      this.#isCrowded = true;
      return; // looks again, and watches this time
    }
    this.#expectNothing();
    await this.#sleep((wake) =>
      standing === 'crowded'
        ? session.watches.listen(this.#parent, wake)
        : session.watches.watch(join(this.#parent, standing.behind), wake),
    );
    // It keeps its place while the session lives, though there may be no connection for a while.
    this.#expectAnswer(session.isUsable ? undefined : session.timeout);
  }

  /** Until it is woken: by what it has asked for, by a change of the session, or because it is over. */
  async #sleep(start: (wake: Wake) => () => void): Promise<void> {
    const { sessions } = this.context;
    let stop = (): void => undefined;
    await new Promise<void>((resolve, reject) => {
      this.#wake = resolve;
      sessions.onChange(resolve);
      stop = start((error) => (error === undefined || isPassing(error) ? resolve() : reject(error)));
    }).finally(() => {
      sessions.offChange(this.#wake!);
      this.#wake = undefined;
      stop();
    });
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => this.context.clock.setTimeout(resolve, PAUSE));
  }

  readonly #abort = (): void => this.#refuse(this.claim.signal.reason);

  #expectAnswer(within = this.context.settings.commandTimeout): void {
    const { patience, sessions } = this.context;
    this.#stopExpecting ??= patience.after(within, () => {
      const { isUsable, problem } = sessions.current;
      const what = isUsable ? 'ZooKeeper did not answer' : 'There was no connection to ZooKeeper';
      this.#refuse(unavailable(`${what} within ${within} ms`, problem));
    });
  }

  #expectNothing(): void {
    this.#stopExpecting?.();
    this.#stopExpecting = undefined;
  }

  /** @throws when nobody waits for it any more */
  #check(): void {
    if (this.#isOver) throw new Error('nobody waits for this claim any more');
  }

  #discard(): void {
    if (this.#place) this.context.discard(this.#place);
  }

  #refuse(reason: unknown): void {
    if (!this.#finish()) return;
    this.#reject(reason instanceof ZooKeeperError ? unavailable('ZooKeeper refused the lock', reason) : reason);
    this.#wake?.();
  }

  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    if (this.#isListening) this.claim.signal.removeEventListener('abort', this.#abort);
    this.#expectNothing();
    return true;
  }
}

/** Whether a look will show what is to be done. */
function isPassing(error: unknown): boolean {
  return error instanceof ZooKeeperError && (error.isLoss || error.code === Code.noNode);
}
