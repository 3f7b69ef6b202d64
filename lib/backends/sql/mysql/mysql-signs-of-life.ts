import type { Connection, Database } from '../database';
import type { TransactionId } from '../dialect';
import { literal } from '../names';
import { textOf } from './mysql-sql';
import type { MysqlResult } from './mysql-statement';
import { Status } from './mysql-statement';

/** The marks of transactions that share their row, and of those that have not locked any. Of others it is the token. */
export const SHARED = 'shared';
export const NOT_LOCKED = '';

/** Has the next statement read what is not committed yet. */
const UNCOMMITTED = 'SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED';

/** Whether a transaction is still there: asked on its own connection, or on another. */
export class SignsOfLife {
  /** @param table - quoted */
  constructor(private readonly table: string) {}

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
    if (mark === SHARED) return this.#isLocked(database, row);
    // That the row is locked would not do: it may be another's by now.
    return (await this.#fenceOf(database, row, UNCOMMITTED)) === mark && (await this.#fenceOf(database, row)) !== mark;
  }

  async #fenceOf(database: Pick<Database, 'query'>, row: string, before?: string): Promise<string | undefined> {
    const [result] = await database.query(`SELECT fence FROM ${this.table} WHERE \`key\` = ${literal(row)}`, before);
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

/** The thread of a transaction, for statements. */
export function threadOf(backend: string): string {
  return String(BigInt(backend));
}
