import type { Claim, Grant } from '../../core/backend';
import { LockConfigError } from '../../core/errors';
import { LateListeners } from '../../core/late-listeners';
import type { Lent } from './connections';
import { Connections } from './connections';
import { rowName } from './names';
import { Settling } from './settling';
import type { Strategy, StrategyContext } from './strategy';
import { within } from './strategy';
import { TransactionGrant } from './transaction-grant';
import { renewAll } from './transaction.strategy';

const FAILED = 'The version could not be read';

/**
 * Optimistic concurrency control (H. T. Kung and J. T. Robinson, "On optimistic methods for concurrency control", 1981) with a
 * version for each key: it is read first, the work writes through a transaction, and that commits only if the version is
 * still the same. It excludes commits, not the work itself.
 */
export class OptimisticStrategy implements Strategy {
  readonly #listeners: LateListeners;
  readonly #connections: Connections;

  constructor(private readonly context: StrategyContext) {
    this.#listeners = new LateListeners(context.clock);
    this.#connections = new Connections(context);
  }

  acquire(claim: Claim): Promise<Grant | null> {
    if (claim.mode === 'shared') {
      return Promise.reject(
        new LockConfigError(
          'The strategy "optimistic" locks nothing that could be shared: "shared" and "permits" cannot be used with it. Use ' +
            'the strategy "lease".',
        ),
      );
    }
    const settling = new Settling(claim, () => loan.cancel());
    const loan = this.#connections.borrow();
    this.#listeners.add(settling);
    void this.#begin(claim, settling, loan.lent);
    return settling.result;
  }

  renew(grants: readonly Grant[]): Promise<readonly (number | null | undefined)[]> {
    return renewAll(grants);
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  async #begin(claim: Claim, settling: Settling, lending: Promise<Lent>): Promise<void> {
    let lent: Lent | undefined;
    try {
      lent = await lending;
      const grant = await within(this.context, FAILED, this.#open(claim, lent));
      if (!settling.resolve(grant)) void grant.release({ error: undefined });
    } catch (error) {
      if (lent) this.#connections.destroy(lent);
      settling.reject(error);
    }
  }

  async #open({ key, ttl, mode }: Claim, lent: Lent): Promise<TransactionGrant> {
    const { context } = this;
    const { tables, clock } = context;
    const { transaction } = context.dialect;
    const { connection } = lent;
    const terms = { row: rowName('optimistic', key), ttl, mode };
    for (;;) {
      const sentAt = clock.now();
      const opened = await tables.use(async () => {
        try {
          return await transaction.open(connection, terms);
        } catch (error) {
          if (!connection.failure) await transaction.rollback(connection);
          throw error;
        }
      });
      if (opened) {
        const { id, version } = opened;
        return new TransactionGrant({
          context,
          lent,
          id,
          sentAt,
          row: terms.row,
          ttl,
          commit: () => transaction.commitVersion(connection, id, terms.row, version),
          onLost: () => this.#connections.writeOff(lent),
          onOver: (isUsable) => {
            if (isUsable) this.#connections.giveBack(lent);
            else this.#connections.destroy(lent);
          },
        });
      }
      await transaction.rollback(connection);
      await tables.use(() => transaction.addRow(connection, terms.row));
    }
  }
}
