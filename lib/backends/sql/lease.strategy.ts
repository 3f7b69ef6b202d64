import type { Claim, Grant, ReleaseAnswer } from '../../core/backend';
import { provableUntil } from '../../core/backend';
import { Errands } from '../../core/errands';
import { LateListeners } from '../../core/late-listeners';
import type { RowClaim } from './dialect';
import { hadNoEffect } from './failures';
import type { LeaseAttemptContext } from './lease-attempt';
import { LeaseAttempt } from './lease-attempt';
import type { Strategy, StrategyContext } from './strategy';
import { within } from './strategy';
import { WaitingLine } from './waiting-line';

/** How soon a lock that could not be given back is tried again, in ms. */
const RETRY_AFTER = 100;
/** How often it is looked whether a lock that nobody wants has been taken after all, in ms. */
const DISCARD_EVERY = 500;

/**
 * A row says who has the lock and until when, on the clock of the database. Compare-and-set in single statements; those who
 * wait are woken where the database can do that, and ask again where it cannot. Nobody is promised a place in a line.
 */
export class LeaseStrategy implements Strategy, LeaseAttemptContext {
  readonly listeners: LateListeners;
  readonly errands = new Errands();
  isClosing = false;
  readonly #lines = new Map<string, WaitingLine>();

  constructor(readonly context: StrategyContext) {
    this.listeners = new LateListeners(context.clock);
  }

  acquire(claim: Claim): Promise<Grant | null> {
    return new LeaseAttempt(this, claim).result;
  }

  grant(claim: RowClaim, fence: bigint, sentAt: number): Grant {
    return new LeaseGrant(this, claim, fence, provableUntil(sentAt, claim.ttl));
  }

  line(row: string): WaitingLine {
    let line = this.#lines.get(row);
    if (!line) {
      line = new WaitingLine(row, this.context, () => this.#lines.delete(row));
      this.#lines.set(row, line);
    }
    return line;
  }

  isAwaited(row: string): boolean {
    return this.#lines.has(row);
  }

  async renew(grants: readonly Grant[]): Promise<readonly (number | null | undefined)[]> {
    const { context } = this;
    const answers = new Map<Grant, number | null | undefined>();
    let failure: Error | undefined;
    const sentAt = context.clock.now();
    for (const round of roundsOf(grants as readonly LeaseGrant[])) {
      const claims = round.map(({ claim }) => claim).sort((a, b) => (a.row < b.row ? -1 : 1));
      try {
        const renewing = context.tables.use(() => context.dialect.lease.renew(context.database, claims));
        const { renewed, unknown } = await within(context, 'The locks could not be renewed', renewing);
        for (const grant of round) {
          const { holder, ttl } = grant.claim;
          if (renewed.has(holder)) answers.set(grant, provableUntil(sentAt, ttl));
          else answers.set(grant, unknown.has(holder) ? undefined : null);
        }
      } catch (error) {
        failure ??= error as Error;
      }
    }
    if (answers.size === 0 && failure) throw failure; // a loss is to tell why
    return grants.map((grant) => answers.get(grant));
  }

  /** Tried again in the background as long as it might be ours. */
  free(claim: RowClaim, until: number): Promise<ReleaseAnswer> {
    return this.errands.see(this.#free(claim, until));
  }

  discard(claim: RowClaim, until: number): void {
    void this.errands.see(this.#discard(claim, until));
  }

  async close(): Promise<void> {
    this.isClosing = true;
    await within(this.context, '', this.errands.settled()).catch(() => undefined);
  }

  async #free(claim: RowClaim, until: number): Promise<ReleaseAnswer> {
    const { clock, tables, dialect, database } = this.context;
    for (let mayBeFreed = false; ;) {
      try {
        const wasOurs = await tables.use(() => dialect.lease.free(database, claim));
        return wasOurs || mayBeFreed ? 'released' : 'lost';
      } catch (error) {
        mayBeFreed ||= !hadNoEffect(error, dialect);
        if (clock.now() > until || this.isClosing) throw error;
        await this.#sleep(RETRY_AFTER);
      }
    }
  }

  async #discard(claim: RowClaim, until: number): Promise<void> {
    const { clock, tables, dialect, database } = this.context;
    do {
      if (await tables.use(() => dialect.lease.free(database, claim)).catch(() => false)) return;
      await this.#sleep(DISCARD_EVERY);
    } while (clock.now() < until && !this.isClosing);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.context.clock.setTimeout(resolve, ms).unref?.());
  }
}

class LeaseGrant implements Grant {
  #released: Promise<ReleaseAnswer> | undefined;

  constructor(
    private readonly strategy: LeaseStrategy,
    readonly claim: RowClaim,
    readonly fence: bigint,
    readonly validUntil: number,
  ) {}

  get fences(): number {
    return this.claim.fences;
  }

  release(): Promise<ReleaseAnswer> {
    const { context } = this.strategy;
    return (this.#released ??= within(
      context,
      'The lock could not be given back',
      this.strategy.free(this.claim, context.clock.now() + this.claim.ttl),
    ));
  }
}

/** How many locks are renewed with one statement. */
const BATCH = 100;

/** In batches; several shared holders of one row are in different ones, since a statement changes each row once. */
function roundsOf(grants: readonly LeaseGrant[]): LeaseGrant[][] {
  const rounds: { rows: Set<string>; grants: LeaseGrant[] }[] = [];
  let first = 0; // those before it are full
  for (const grant of grants) {
    while (first < rounds.length && rounds[first]!.grants.length >= BATCH) first++;
    let round = rounds
      .slice(first)
      .find(({ rows, grants: { length } }) => length < BATCH && !rows.has(grant.claim.row));
    if (!round) rounds.push((round = { rows: new Set(), grants: [] }));
    round.rows.add(grant.claim.row);
    round.grants.push(grant);
  }
  return rounds.map((round) => round.grants);
}
