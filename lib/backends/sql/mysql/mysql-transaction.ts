import type { LockMode } from '../../../core/backend';
import type { Connection, Database, Result } from '../database';
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
import { NOT_LOCKED, SHARED, SignsOfLife, threadOf } from './mysql-signs-of-life';
import type { MysqlServer } from './mysql-sql';
import { block, NOW, serverOf, textOf } from './mysql-sql';

/** What of our transaction is gone as soon as another one has begun: nothing else tells them apart. */
const SAVEPOINT = 'nestlock_held';

/** A variable of a block, by a name that no column has. */
const FENCE = 'nestlock_fence';

/**
 * Transactions, one statement after the other. "autocommit" is off meanwhile, so the first one begins the transaction; and what
 * the work writes after the server has rolled back because of a deadlock, or after a DDL has committed, is not committed piece
 * by piece, but rolled back when the commit finds out.
 */
export class MysqlTransaction implements TransactionStatements {
  readonly #sessions = new WeakMap<Connection, MysqlSession>();
  readonly #signs: SignsOfLife;
  #server: MysqlServer | undefined;
  /** Whether it takes blocks of statements: MariaDB, unless there is a proxy before it that does not know them. */
  #takesBlocks = false;

  /** @param table - quoted */
  constructor(
    private readonly table: string,
    private readonly tables: Pick<TableStatements, 'addRow'>,
  ) {
    this.#signs = new SignsOfLife(table);
  }

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
    if (this.#takesBlocks && terms.mode === 'exclusive') {
      const answer = await this.#beginAtOnce(connection, terms.row);
      if (answer) return answer;
    }
    const [locked] = await connection.query(`${this.#select(terms)} SKIP LOCKED`);
    const [row] = locked!.rows;
    if (row) return this.#begun(connection, terms, row);
    const [result] = await connection.query(this.#selectKnown(terms.row));
    return refusedBy(result!);
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

  beat(
    connection: Connection,
    id: TransactionId,
    where: { row: string; database: Database },
  ): Promise<boolean | undefined> {
    return this.#signs.beat(connection, id, where);
  }

  watch(database: Database, id: TransactionId, row: string): Promise<boolean | undefined> {
    return this.#signs.watch(database, id, row);
  }

  async kill(database: Database, { backend }: TransactionId): Promise<void> {
    try {
      await database.query(`KILL ${threadOf(backend)}`);
    } catch (error) {
      if (!hasCode(error, Code.noSuchThread)) throw error;
    }
  }

  async commit(connection: Connection): Promise<CommitAnswer> {
    if (this.#takesBlocks) return (await this.#isSame(connection, 'COMMIT')) ? 'committed' : 'ended';
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
      this.#takesBlocks = this.#server.isMariaDb;
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

  /** As `begin`, in one round trip. `undefined`: it knows no blocks. */
  async #beginAtOnce({ query }: Connection, row: string): Promise<Begun | Refused | undefined> {
    const where = `WHERE \`key\` = ${literal(row)}`;
    const steps = block(
      `DECLARE ${FENCE} BIGINT`,
      `SELECT fence INTO ${FENCE} FROM ${this.table} ${where} FOR UPDATE SKIP LOCKED`,
      `IF ${FENCE} IS NULL THEN ${this.#selectKnown(row)}`,
      `ELSE ${this.#updateFence(row)}`,
      `SAVEPOINT ${SAVEPOINT}`,
      `SELECT LAST_INSERT_ID() AS fence, CONNECTION_ID() AS thread`,
      'END IF',
    );
    let result: Result;
    try {
      [result] = (await query(steps)) as [Result];
    } catch (error) {
      if (!hasCode(error, Code.syntax)) throw error;
      this.#takesBlocks = false;
      return undefined;
    }
    const { fence, thread } = result.rows[0]!;
    if (fence === undefined) return refusedBy(result);
    return { id: { backend: textOf(thread), mark: textOf(fence) }, fence: BigInt(textOf(fence)) };
  }

  #selectKnown(row: string): string {
    return `SELECT COUNT(*) AS known, CONNECTION_ID() AS thread FROM ${this.table} WHERE \`key\` = ${literal(row)}`;
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
    const [result] = await query(this.#updateFence(row));
    return result!.insertId!;
  }

  #updateFence(row: string): string {
    return (
      `UPDATE ${this.table} SET fence = LAST_INSERT_ID(GREATEST(fence + 2, ${NOW})), used_at = ${NOW} ` +
      `WHERE \`key\` = ${literal(row)}`
    );
  }

  /** Rolls back if it is another transaction. @param next - what is done in the same round trip if it is not */
  async #isSame({ query }: Connection, next?: string): Promise<boolean> {
    const release = `RELEASE SAVEPOINT ${SAVEPOINT}`;
    try {
      await query(next === undefined ? release : block(release, next));
      return true;
    } catch (error) {
      if (!hasCode(error, Code.noSuchSavepoint)) throw error;
      await query('ROLLBACK');
      return false;
    }
  }
}

/** The row was not locked: whether it is there says why. */
function refusedBy({ rows }: Result): Refused {
  const { known, thread } = rows[0]!;
  return { because: textOf(known) === '0' ? 'noRow' : 'held', id: { backend: textOf(thread), mark: NOT_LOCKED } };
}
