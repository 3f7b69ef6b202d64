import type { LockMode } from '../../../core/backend';
import type { Connection, Database } from '../database';
import type {
  Begun,
  CommitAnswer,
  Refused,
  TableStatements,
  TransactionId,
  TransactionStatements,
  TransactionTerms,
} from '../dialect';
import { WAIT_BOUND } from '../dialect';
import { literal } from '../names';
import { Code, diagnoseMysql, hasCode } from './mysql-errors';
import { MysqlSession } from './mysql-session';
import type { MysqlServer } from './mysql-sql';
import { NOW, serverOf, textOf } from './mysql-sql';
import type { MysqlResult } from './mysql-statement';
import { Status } from './mysql-statement';

/** What of our transaction is gone as soon as another one has begun: nothing else tells them apart. */
const SAVEPOINT = 'nestlock_held';

/** The marks of transactions that share their row, and of those that have not locked any. Of others it is the token. */
const SHARED = 'shared';
const NOT_LOCKED = '';

/**
 * Transactions, one statement after the other. "autocommit" is off meanwhile, so the first one begins the transaction; and what
 * the work writes after the server has rolled back because of a deadlock, or after a DDL has committed, is not committed piece
 * by piece, but rolled back when the commit finds out.
 */
export class MysqlTransaction implements TransactionStatements {
  readonly #sessions = new WeakMap<Connection, MysqlSession>();
  #server: MysqlServer | undefined;

  /** @param table - quoted */
  constructor(
    private readonly table: string,
    private readonly tables: Pick<TableStatements, 'addRow'>,
  ) {}

  async addRow(connection: Connection, row: string): Promise<void> {
    await this.tables.addRow(connection, row);
    await connection.query('COMMIT'); // "autocommit" is off
  }

  async unfit(database: Pick<Database, 'query'>, mode: LockMode): Promise<string | undefined> {
    if (mode === 'exclusive' || (await this.#serverOf(database)).isMariaDb) return undefined;
    return 'MySQL does not promise that those who share a row do not pass those who wait for it, who might wait for ever';
  }

  async prepare(connection: Connection): Promise<() => Promise<void>> {
    const session = await MysqlSession.read(connection, await this.#serverOf(connection));
    this.#sessions.set(connection, session);
    await connection.query('ROLLBACK'); // of what the last user of the connection may have left open
    return () => session.set(session.before);
  }

  async begin(connection: Connection, terms: TransactionTerms): Promise<Begun | Refused> {
    await this.#set(connection, terms);
    const [locked] = await connection.query(`${this.#select(terms)} SKIP LOCKED`);
    const [row] = locked!.rows;
    if (row) return this.#begun(connection, terms, row);
    const [result] = await connection.query(
      `SELECT COUNT(*) AS known, CONNECTION_ID() AS thread FROM ${this.table} WHERE \`key\` = ${literal(terms.row)}`,
    );
    const { known, thread } = result!.rows[0]!;
    return { because: known === '0' ? 'noRow' : 'held', id: { backend: textOf(thread), mark: NOT_LOCKED } };
  }

  async wait(connection: Connection, terms: TransactionTerms, onLocked: () => void): Promise<Begun | undefined> {
    const session = this.#sessions.get(connection)!;
    await session.set({ lockTimeout: String(WAIT_BOUND / 1_000), statementTime: '0' });
    const [locked] = await connection.query(this.#select(terms));
    const [row] = locked!.rows;
    if (!row) return undefined;
    onLocked();
    const { lockTimeout, statementTime } = session.before;
    await session.set({ lockTimeout, statementTime });
    return this.#begun(connection, terms, row);
  }

  async open(
    connection: Connection,
    terms: TransactionTerms,
  ): Promise<{ id: TransactionId; version: string } | undefined> {
    await this.#set(connection, terms);
    const [result] = await connection.query(
      `SELECT version, CONNECTION_ID() AS thread FROM ${this.table} WHERE \`key\` = ${literal(terms.row)}`,
    );
    const [row] = result!.rows;
    if (!row) return undefined;
    await connection.query(`SAVEPOINT ${SAVEPOINT}`);
    return { id: { backend: textOf(row['thread']), mark: NOT_LOCKED }, version: textOf(row['version']) };
  }

  /**
   * It is still ours if only we see our token: nobody has committed it, and it was not rolled back. Without a token of its
   * own it can only be told whether there is a transaction; the commit tells whether it is the same.
   */
  async beat(
    connection: Connection,
    { mark }: TransactionId,
    { row, database }: { row: string; database: Database },
  ): Promise<boolean | undefined> {
    if (mark === NOT_LOCKED || mark === SHARED) {
      const [result] = (await connection.query('DO 0')) as readonly MysqlResult[];
      const { status } = result!;
      return status === undefined ? undefined : (status & Status.inTransaction) !== 0;
    }
    const [ours, theirs] = await Promise.all([this.#fenceOf(connection, row), this.#fenceOf(database, row)]);
    return ours === mark && theirs !== mark;
  }

  async watch(database: Database, { backend, mark }: TransactionId, row: string): Promise<boolean | undefined> {
    const [result] = await database.query(
      `SELECT COMMAND AS command FROM information_schema.PROCESSLIST WHERE ID = ${threadOf(backend)}`,
    );
    const [thread] = result!.rows;
    if (!thread || thread['command'] === 'Killed') return false;
    // Between two statements it is not a sign of life: its answers may not arrive any more.
    if (!['Query', 'Execute'].includes(textOf(thread['command']))) return undefined;
    if (mark === NOT_LOCKED) return true;
    return (await this.#fenceOf(database, row)) !== mark && (await this.#isLocked(database, row));
  }

  async kill(database: Database, { backend }: TransactionId): Promise<void> {
    try {
      await database.query(`KILL ${threadOf(backend)}`);
    } catch (error) {
      if (!hasCode(error, Code.noSuchThread)) throw error;
    }
  }

  async commit(connection: Connection): Promise<CommitAnswer> {
    if (!(await this.#isSame(connection))) return 'ended';
    await connection.query('COMMIT');
    return 'committed';
  }

  async commitVersion(connection: Connection, _: TransactionId, row: string, version: string): Promise<CommitAnswer> {
    if (!(await this.#isSame(connection))) return 'ended';
    try {
      const [result] = await connection.query(
        `UPDATE ${this.table} SET version = version + 1, used_at = ${NOW} ` +
          `WHERE \`key\` = ${literal(row)} AND version = ${BigInt(version)}`,
      );
      if (result!.count === 0) return 'conflict';
      await connection.query('COMMIT');
      return 'committed';
    } catch (error) {
      if (diagnoseMysql(error) === 'conflict') return 'conflict'; // a cluster finds it at the COMMIT
      throw error;
    }
  }

  async rollback({ query }: Connection): Promise<void> {
    await query('ROLLBACK');
  }

  async #serverOf(database: Pick<Database, 'query'>): Promise<MysqlServer> {
    if (!this.#server) {
      const [result] = await database.query('SELECT VERSION() AS version');
      this.#server = serverOf(textOf(result!.rows[0]!['version']));
    }
    return this.#server;
  }

  async #set(connection: Connection, { ttl }: TransactionTerms): Promise<void> {
    const session = this.#sessions.get(connection)!;
    await session.set({
      ...session.before,
      autocommit: '0',
      isolation: "'READ-COMMITTED'",
      waitTimeout: String(Math.ceil(ttl / 1_000)),
    });
  }

  #select({ row, mode }: TransactionTerms): string {
    // Both databases know FOR UPDATE SKIP LOCKED; those who share it are refused on MySQL, which knows the other as FOR SHARE.
    const how = mode === 'exclusive' ? 'FOR UPDATE' : 'LOCK IN SHARE MODE';
    return `SELECT fence, CONNECTION_ID() AS thread FROM ${this.table} WHERE \`key\` = ${literal(row)} ${how}`;
  }

  /** Tokens of those who share it lie between those of the others: two cannot write the row at the same time. */
  async #begun(
    connection: Connection,
    terms: TransactionTerms,
    row: Readonly<Record<string, unknown>>,
  ): Promise<Begun> {
    const fence =
      terms.mode === 'shared' ? BigInt(textOf(row['fence'])) + 1n : await this.#nextFence(connection, terms.row);
    await connection.query(`SAVEPOINT ${SAVEPOINT}`);
    const mark = terms.mode === 'shared' ? SHARED : String(fence);
    return { id: { backend: textOf(row['thread']), mark }, fence };
  }

  async #nextFence({ query }: Connection, row: string): Promise<bigint> {
    const [result] = await query(
      `UPDATE ${this.table} SET fence = LAST_INSERT_ID(GREATEST(fence + 2, ${NOW})), used_at = ${NOW} ` +
        `WHERE \`key\` = ${literal(row)}`,
    );
    return result!.insertId!;
  }

  /** Rolls back if it is another transaction. */
  async #isSame({ query }: Connection): Promise<boolean> {
    try {
      await query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
      return true;
    } catch (error) {
      if (!hasCode(error, Code.noSuchSavepoint)) throw error;
      await query('ROLLBACK');
      return false;
    }
  }

  async #fenceOf(database: Pick<Database, 'query'>, row: string): Promise<string | undefined> {
    const [result] = await database.query(`SELECT fence FROM ${this.table} WHERE \`key\` = ${literal(row)}`);
    const [found] = result!.rows;
    return found && textOf(found['fence']);
  }

  async #isLocked(database: Database, row: string): Promise<boolean> {
    const where = `FROM ${this.table} WHERE \`key\` = ${literal(row)}`;
    const [free] = await database.query(`SELECT 1 ${where} FOR UPDATE SKIP LOCKED`);
    if (free!.rows.length > 0) return false;
    const [known] = await database.query(`SELECT 1 ${where}`);
    return known!.rows.length > 0;
  }
}

function threadOf(backend: string): string {
  return String(BigInt(backend));
}
