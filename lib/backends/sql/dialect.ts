import type { LockMode } from '../../core/backend';
import type { Connection, Database } from './database';
import type { Fault } from './failures';

/** A claim as a row sees it. Times in ms. */
export interface RowClaim {
  /** The name of the row. */
  readonly row: string;
  readonly holder: string;
  readonly mode: LockMode;
  /** `Infinity` without a limit. */
  readonly permits: number;
  readonly ttl: number;
  readonly fences: number;
  readonly label: string | undefined;
}

/** What the database says of a row that could not be had. */
export interface Look {
  /** How long it is held at least if nothing happens, in ms; 0 if it is free. */
  readonly heldFor: number;
}

/** What says which transaction is meant. Whatever is not of one kind is compared as text. */
export interface TransactionId {
  /** The process or thread of the server. */
  readonly backend: string;
  /** What no other transaction of that backend has. */
  readonly mark: string;
}

/** A transaction that has locked its row. */
export interface Begun {
  readonly because?: undefined;
  readonly id: TransactionId;
  readonly fence: bigint;
}

/** How a kind of database says what the strategies want to say: the statements, and nothing else. */
export interface Dialect {
  /** As people call it: "PostgreSQL". */
  readonly name: string;
  diagnose(error: unknown): Fault | undefined;
  /** Whether the server itself has refused the statement, so that it had no effect. */
  isRefusal(error: unknown): boolean;

  readonly tables: TableStatements;
  readonly lease: LeaseStatements;
  readonly transaction: TransactionStatements;
}

export interface TableStatements {
  /** Rejects with the fault `noTable` or `otherShape` when it is not (only) as it should be. */
  check(database: Database): Promise<void>;
  /** Makes what is missing, even if others do so at the same time. */
  create(database: Database): Promise<void>;
  /** Adds a row that is not there. */
  addRow(database: Pick<Database, 'query'>, row: string): Promise<void>;
  /** Deletes some rows that nobody has used for so many ms, and that are not in use. Resolves to how many. */
  purge(database: Database, idle: number): Promise<number>;
  /** Why no locks can be kept here; `undefined` if they can. */
  unfit(database: Database): Promise<string | undefined>;
}

export interface LeaseStatements {
  /** Takes the lock if it is free, and resolves to the first of the tokens; `undefined` if it is not, or there is no row. */
  take(database: Database, claim: RowClaim): Promise<bigint | undefined>;
  /** Looks why it could not be had, and says so to its holder if somebody waits. `undefined`: there is no row. */
  look(database: Database, claim: RowClaim, waits: boolean): Promise<Look | undefined>;
  /** Whether it was ours. Tells those who wait. */
  free(database: Database, claim: RowClaim): Promise<boolean>;
  /** At most one claim for each row. Waits for none of them: one whose row is locked must not cost the others theirs. */
  renew(database: Database, claims: readonly RowClaim[]): Promise<Renewal>;
}

/** Holders; whoever is in none of the two has lost the lock. */
export interface Renewal {
  readonly renewed: ReadonlySet<string>;
  /** The row was locked by somebody else. */
  readonly unknown: ReadonlySet<string>;
}

export interface TransactionTerms {
  readonly row: string;
  readonly ttl: number;
  readonly mode: LockMode;
}

export interface TransactionStatements {
  /** Looks at what is needed beside the table, and resolves to a warning if something is missing. @throws LockConfigError */
  check?(database: Database): Promise<string | undefined>;
  /** Why it cannot lock in this mode; `undefined` if it can. */
  unfit(database: Pick<Database, 'query'>, mode: LockMode): Promise<string | undefined>;
  /** Sets what must be set on a connection as long as it is ours. Resolves to what undoes that; `undefined`: nothing to undo. */
  prepare(connection: Connection): Promise<(() => Promise<void>) | undefined>;
  /** Begins a transaction and locks the row, if that takes no waiting; otherwise it has only begun. */
  begin(connection: Connection, terms: TransactionTerms): Promise<Begun | Refused>;
  /** In that transaction: waits for the row, then takes its token. Rejects with the fault `locked` after `WAIT_BOUND`. */
  wait(connection: Connection, terms: TransactionTerms, onLocked: () => void): Promise<Begun | undefined>;
  /** Adds a row that is not there, outside of any transaction. */
  addRow(connection: Connection, row: string): Promise<void>;
  /** Begins a transaction that locks nothing. `undefined`: there is no such row. */
  open(connection: Connection, terms: TransactionTerms): Promise<{ id: TransactionId; version: string } | undefined>;
  /** Whether it is still in the transaction; a sign of life for the server. `undefined`: cannot be told. */
  beat(
    connection: Connection,
    id: TransactionId,
    where: { readonly row: string; readonly database: Database },
  ): Promise<boolean | undefined>;
  /** The same, through another connection, while a statement is under way. */
  watch(database: Database, id: TransactionId, row: string): Promise<boolean | undefined>;
  /** Ends what the transaction waits for, through another connection. Rejects if it is not known to be there. */
  kill(database: Database, id: TransactionId): Promise<void>;
  commit(connection: Connection, id: TransactionId): Promise<CommitAnswer>;
  /** Commits if the version is still the same, and increments it. */
  commitVersion(connection: Connection, id: TransactionId, row: string, version: string): Promise<CommitAnswer>;
  rollback(connection: Connection): Promise<void>;
}

/** The row was not locked: another has it, or there is none. */
export interface Refused {
  readonly because: 'held' | 'noRow';
  readonly id: TransactionId;
}

/** How long the server lets a claim wait before it has to ask again, in ms: the longest that one of a dead process stays. */
export const WAIT_BOUND = 600_000;

/**
 * `'aborted'`: a statement had failed before, so that the database has rolled back. `'ended'`: it was not the same transaction
 * any more, and nothing was committed now. `'conflict'`: the version was another.
 */
export type CommitAnswer = 'committed' | 'aborted' | 'ended' | 'conflict';
