import type { Result } from '../database';
import type { MysqlConnectionOfPool } from './client';

/** What a statement answered, and in which state the session is then. */
export interface MysqlResult extends Result {
  /** Bits of `Status`; `undefined` after a statement that gives rows, of which the driver does not tell. */
  readonly status: number | undefined;
}

/** https://dev.mysql.com/doc/dev/mysql-server/latest/mysql__com_8h.html, as far as it matters here. */
export const Status = { inTransaction: 1, autocommit: 2 } as const;

/** mysql2's answer to a statement without rows. */
interface Header {
  readonly affectedRows: number | string;
  readonly insertId: number | string;
  readonly serverStatus?: number;
}

/** As text, whatever the user has set for numbers, dates, JSON. */
const PLAIN = {
  values: [],
  rowsAsArray: false,
  nestTables: false,
  namedPlaceholders: false,
  typeCast: (field: { string(encoding: string): string | null }): string | null => field.string('utf8'),
};

/** Sends one statement as text: prepared statements would fill the server's memory, and fail behind some poolers. */
export function send(
  connection: MysqlConnectionOfPool,
  sql: string,
  callback: (error: Error | null, results: readonly MysqlResult[]) => void,
): void {
  connection.query({ sql, ...PLAIN }, (error, answer: unknown) => {
    let failure = error;
    let results: readonly MysqlResult[] = [];
    try {
      if (!error) results = resultsOf(answer);
    } catch (thrown) {
      failure = thrown as Error; // nobody could catch it here: a proxy has said something that no server says
    }
    callback(failure, results);
  });
}

/** A block of statements has several answers, of which the first are rows. */
function resultsOf(answer: unknown): readonly MysqlResult[] {
  return Array.isArray(answer) && Array.isArray(answer[0]) ? answer.map(resultOf) : [resultOf(answer)];
}

function resultOf(answer: unknown): MysqlResult {
  if (Array.isArray(answer)) return { rows: answer as MysqlResult['rows'], count: answer.length, status: undefined };
  const { affectedRows, insertId, serverStatus } = answer as Header;
  return { rows: [], count: Number(affectedRows), insertId: BigInt(insertId), status: serverStatus };
}
