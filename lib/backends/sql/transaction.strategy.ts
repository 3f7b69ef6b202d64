import type { Claim, Grant } from '../../core/backend';
import { LateListeners } from '../../core/late-listeners';
import { Connections } from './connections';
import type { Strategy, StrategyContext } from './strategy';
import type { TransactionAttemptContext } from './transaction-attempt';
import { TransactionAttempt } from './transaction-attempt';
import type { TransactionGrant } from './transaction-grant';
import { Turns } from './turns';

/**
 * The row of a lock is locked by a transaction, which the work can write through: what it writes is committed with the lock
 * or not at all. The database queues those who wait, and frees the lock when the connection dies.
 */
export class TransactionStrategy implements Strategy, TransactionAttemptContext {
  readonly listeners: LateListeners;
  readonly connections: Connections;
  readonly turns = new Turns();
  readonly grants = new Map<string, TransactionGrant>();

  constructor(readonly context: StrategyContext) {
    this.listeners = new LateListeners(context.clock);
    this.connections = new Connections(context);
  }

  acquire(claim: Claim): Promise<Grant | null> {
    const held = this.grants.get(claim.holder);
    if (held) return held.again();
    return new TransactionAttempt(this, claim).result;
  }

  renew(grants: readonly Grant[]): Promise<readonly (number | null | undefined)[]> {
    return renewAll(grants);
  }

  close(): Promise<void> {
    return this.connections.close();
  }
}

/** Each on its own connection. */
export function renewAll(grants: readonly Grant[]): Promise<readonly (number | null | undefined)[]> {
  const each = (grants as readonly TransactionGrant[]).map((grant) =>
    grant.renew().catch(() => (grant.isOver ? null : undefined)),
  );
  return Promise.all(each);
}
