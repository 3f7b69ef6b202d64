import type { Claim, Grant, Loss, ReleaseAnswer } from '../../core/backend';
import type { Hold, Session } from './session';

/** How many tokens there are from one change of a lock's node to the next. */
const TOKENS_PER_CHANGE = 1_024;

/** A lock that ZooKeeper has granted: a node of our session with nobody before it. */
export class ZooKeeperGrant implements Grant, Hold {
  readonly fence: bigint;
  readonly fences: number;
  readonly validUntil: number;
  /** It was lost, or is being given back. */
  isOver = false;
  /** Ends the watch of the node, if there is one. */
  unwatch: (() => void) | undefined;
  #loss: Loss | undefined;
  #listener: ((loss: Loss) => void) | undefined;
  #answer: Promise<ReleaseAnswer> | undefined;

  /** @param zxid - the last change of the lock's node when it was seen that it is ours: greater for each holder */
  constructor(
    private readonly store: { release(grant: ZooKeeperGrant): Promise<ReleaseAnswer> },
    readonly session: Session,
    readonly path: string,
    claim: Claim,
    zxid: number,
  ) {
    this.fence = BigInt(zxid) * BigInt(TOKENS_PER_CHANGE);
    this.fences = Math.min(claim.fences, TOKENS_PER_CHANGE);
    this.validUntil = session.validUntil;
    if (session.isOver) this.lose({ reason: 'session', cause: new Error('The session with ZooKeeper has ended') });
    else session.holds.add(this);
  }

  whenLost(listener: (loss: Loss) => void): void {
    if (this.#loss) listener(this.#loss);
    else this.#listener = listener;
  }

  lose(loss: Loss): void {
    if (this.isOver) return;
    this.#loss = loss;
    this.end();
    this.#listener?.(loss);
  }

  end(): void {
    this.isOver = true;
    this.session.holds.delete(this);
    this.unwatch?.();
  }

  release(): Promise<ReleaseAnswer> {
    return (this.#answer ??= this.store.release(this));
  }
}
