import type { LockMode } from '../../../core/backend';
import { LockConfigError } from '../../../core/errors';
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
import { messageOf } from '../failures';
import { literal } from '../names';
import { BEGUN_AT, epochMicros, failWith, NOW, textOf } from './postgres-sql';
import { hasState, State } from './postgres-states';

/** What failing statements of ours say. */
const ENDED = 'nestlock:ended';
const CONFLICT = 'nestlock:conflict';

const ID = `pg_backend_pid()::text AS backend, ${BEGUN_AT}::text AS mark`;

/** More would make the server parse, and the driver answer, each part of it. */
const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED';

/**
 * Transactions, several statements to a round trip: they are sent with the simple protocol, which runs them one after the
 * other and stops at the first that fails.
 */
export class PostgresTransaction implements TransactionStatements {
  /** Clients whose sequence is known to be ahead of every token that was ever drawn. */
  readonly #sound = new WeakSet<object>();

  /** @param table - quoted, as is the sequence */
  constructor(
    private readonly table: string,
    private readonly sequence: string,
    private readonly tables: Pick<TableStatements, 'addRow'>,
  ) {}

  addRow(connection: Connection, row: string): Promise<void> {
    return this.tables.addRow(connection, row);
  }

  async unfit(_: unknown, mode: LockMode): Promise<string | undefined> {
    if (mode === 'exclusive') return undefined;
    return 'PostgreSQL lets those who share a row pass those who wait for it, who might wait for ever';
  }

  /**
   * A server that crashed may have forgotten tokens that it gave to transactions which did not commit. So the sequence,
   * which lags far behind the clock, is brought up to it on every new connection.
   */
  async prepare({ client, query }: Connection): Promise<undefined> {
    if (this.#sound.has(client as object)) return;
    const { sequence } = this;
    await query(
      `SELECT pg_advisory_xact_lock(hashtext(${literal(sequence.replaceAll('"', ''))})); ` +
        `SELECT setval(${literal(sequence)}, ${NOW})::text FROM ${sequence} WHERE last_value < ${NOW}`,
    );
    this.#sound.add(client as object);
  }

  async begin({ query }: Connection, { row, ttl }: TransactionTerms): Promise<Begun | Refused> {
    const where = `FROM ${this.table} WHERE key = ${literal(row)}`;
    const results = await query(
      `${BEGIN}; SELECT nextval(${literal(this.sequence)})::text AS fence, ${ID}, ${endIdleAfter(ttl)} ` +
        `FROM (SELECT 1 ${where} FOR UPDATE SKIP LOCKED) AS locked`,
    );
    const [locked] = results.at(-1)!.rows;
    if (locked) return begunOf(locked);
    const [refused] = await query(`SELECT ${ID}, (SELECT count(*)::text ${where}) AS known`);
    const found = refused!.rows[0]!;
    return { because: found['known'] === '0' ? 'noRow' : 'held', id: idOf(found) };
  }

  async wait({ query }: Connection, { row, ttl }: TransactionTerms, onLocked: () => void): Promise<Begun | undefined> {
    const results = await query(
      `SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement, ${endIdleAfter(ttl)}; ` +
        `SET LOCAL lock_timeout = ${WAIT_BOUND}; SET LOCAL statement_timeout = 0; ` +
        `SELECT 1 FROM ${this.table} WHERE key = ${literal(row)} FOR UPDATE`,
    );
    if (results.at(-1)!.rows.length === 0) return undefined;
    onLocked();
    const { lock, statement } = results[0]!.rows[0]!;
    // The token in a statement of its own: in the same one it might be drawn before the wait.
    const answer = await query(
      `SET LOCAL lock_timeout = ${literal(textOf(lock))}; SET LOCAL statement_timeout = ${literal(textOf(statement))}; ` +
        `SELECT nextval(${literal(this.sequence)})::text AS fence, ${ID}`,
    );
    return begunOf(answer.at(-1)!.rows[0]!);
  }

  async open(
    { query }: Connection,
    { row, ttl }: TransactionTerms,
  ): Promise<{ id: TransactionId; version: string } | undefined> {
    const results = await query(
      `${BEGIN}; SELECT version::text AS version, ${ID}, ${endIdleAfter(ttl)} FROM ${this.table} WHERE key = ${literal(row)}`,
    );
    const [found] = results.at(-1)!.rows;
    return found && { id: idOf(found), version: textOf(found['version']) };
  }

  async beat({ query }: Connection, { mark }: TransactionId): Promise<boolean | undefined> {
    try {
      const [result] = await query(`SELECT ${BEGUN_AT}::text AS mark`);
      return result!.rows[0]!['mark'] === mark;
    } catch (error) {
      // A savepoint may still rescue it; if there is none, the lock is gone. The commit will tell.
      if (hasState(error, State.inFailedTransaction)) return undefined;
      throw error;
    }
  }

  async watch(database: Database, { backend, mark }: TransactionId): Promise<boolean | undefined> {
    const [result] = await database.query(
      `SELECT state, ${epochMicros('xact_start')}::text AS mark FROM pg_stat_activity WHERE pid = ${literal(backend)}`,
    );
    const [found] = result!.rows;
    if (found && isHidden(found)) return undefined;
    if (found?.['mark'] !== mark) return false;
    // Between two statements it is no sign of life: the answer may be lost, and the server count the time since then.
    return found['state'] === 'active' ? true : undefined;
  }

  async kill(database: Database, { backend, mark }: TransactionId): Promise<void> {
    const [result] = await database.query(
      `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = ${literal(backend)} ` +
        `AND ${epochMicros('xact_start')} = ${BigInt(mark)}`,
    );
    if (result!.rows.length === 0) throw new Error('There is no such transaction, or it is not shown');
  }

  async check(database: Database): Promise<string | undefined> {
    const rights = `has_sequence_privilege(${literal(this.sequence)}, 'USAGE') AND has_sequence_privilege(${literal(this.sequence)}, 'UPDATE')`;
    const [result] = await database.query(
      `SELECT (${rights})::text AS may, state FROM pg_stat_activity WHERE pid = pg_backend_pid()`,
    );
    const { may, state } = result!.rows[0]!;
    if (may !== 'true') {
      throw new LockConfigError(
        `PostgreSQL does not let this user draw tokens from the sequence ${this.sequence}. GRANT USAGE, SELECT, UPDATE on it.`,
      );
    }
    if (!isHidden({ state })) return undefined;
    return (
      'PostgreSQL does not show this user his own transactions in pg_stat_activity ("track_activities" is off, or the role ' +
      'was changed by SET ROLE), so that a lock whose statement runs for longer than the ttl is lost. GRANT pg_read_all_stats ' +
      'and pg_signal_backend to the role.'
    );
  }

  commit(connection: Connection, id: TransactionId): Promise<CommitAnswer> {
    return this.#commit(connection, `${stillIn(id)}; COMMIT`);
  }

  commitVersion(connection: Connection, id: TransactionId, row: string, version: string): Promise<CommitAnswer> {
    return this.#commit(
      connection,
      `${stillIn(id)}; WITH done AS (UPDATE ${this.table} SET version = version + 1, used_at = ${NOW} ` +
        `WHERE key = ${literal(row)} AND version = ${literal(version)} RETURNING 1) ` +
        `SELECT CASE count(*) WHEN 1 THEN 1 ELSE ${failWith(CONFLICT)} END FROM done; COMMIT`,
    );
  }

  async rollback({ query }: Connection): Promise<void> {
    await query('ROLLBACK');
  }

  async #commit({ query }: Connection, sql: string): Promise<CommitAnswer> {
    try {
      await query(sql);
      return 'committed';
    } catch (error) {
      const message = messageOf(error);
      if (hasState(error, State.inFailedTransaction)) return 'aborted';
      if (message.includes(ENDED)) return 'ended';
      if (message.includes(CONFLICT)) return 'conflict';
      throw error;
    }
  }
}

/** Has the server end the session when nothing is heard of it for so long, in ms; within a SELECT that gives a row. */
function endIdleAfter(ttl: number): string {
  return `set_config('idle_in_transaction_session_timeout', '${Math.ceil(ttl)}', true)`;
}

/** The server does not show it to this user, or does not keep it. */
function isHidden({ state }: Result['rows'][number]): boolean {
  return state === null || state === 'disabled';
}

function stillIn({ mark }: TransactionId): string {
  return `SELECT CASE ${BEGUN_AT} WHEN ${BigInt(mark)} THEN 1 ELSE ${failWith(ENDED)} END`;
}

function begunOf(row: Result['rows'][number]): Begun {
  return { id: idOf(row), fence: BigInt(textOf(row['fence'])) };
}

function idOf(row: Result['rows'][number]): TransactionId {
  return { backend: textOf(row['backend']), mark: textOf(row['mark']) };
}
