import type { Claim, Grant, ReleaseAnswer } from '../../core/backend';

/** A lock that Redis has granted. */
export class RedisGrant implements Grant {
  readonly fence: bigint;
  #answer: Promise<ReleaseAnswer> | undefined;

  constructor(
    private readonly store: { release(grant: RedisGrant): Promise<ReleaseAnswer> },
    readonly keys: readonly string[],
    readonly claim: Claim,
    fence: number,
    readonly validUntil: number,
  ) {
    this.fence = BigInt(fence);
  }

  get fences(): number {
    return this.claim.fences;
  }

  release(): Promise<ReleaseAnswer> {
    return (this.#answer ??= this.store.release(this));
  }
}
