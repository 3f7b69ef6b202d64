/**
 * Microseconds since 1970 on the server's clock, at the start of the statement. In UTC: local time goes back once a year.
 */
export const NOW = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))";

/** Quotes the name of a table, perhaps with its schema. */
export function quoted(parts: readonly string[]): string {
  return parts.map((part) => `\`${part}\``).join('.');
}

/** A column of a row, or the first of several. */
export function textOf(value: unknown): string {
  return String(value);
}

/** Several statements as one, which takes a single round trip. Ends with the first that fails. */
export function block(...statements: readonly string[]): string {
  return `BEGIN NOT ATOMIC ${statements.map((statement) => `${statement}; `).join('')}END`;
}

/** What a server can do and how it calls things. */
export interface MysqlServer {
  readonly isMariaDb: boolean;
  /** As it calls itself. */
  readonly version: string;
  /** Whether it has all that is needed: SKIP LOCKED, JSON_TABLE. */
  readonly isRecent: boolean;
  /** The variable with the isolation of the session's transactions. */
  readonly isolation: string;
  /** The variable that bounds how long a statement may run; 0: for ever. */
  readonly statementTime: string;
}

/** @param version - what VERSION() says: "8.0.36", "10.11.6-MariaDB-log" */
export function serverOf(version: string): MysqlServer {
  const isMariaDb = /mariadb/i.test(version);
  const isFrom = (...least: readonly number[]): boolean => {
    const numbers = version.split('.', 3).map((part) => Number.parseInt(part, 10) || 0);
    const at = numbers.findIndex((number, i) => number !== (least[i] ?? 0));
    return at < 0 || numbers[at]! > (least[at] ?? 0);
  };
  return {
    isMariaDb,
    version,
    isRecent: isMariaDb ? isFrom(10, 6) : isFrom(8, 0, 19),
    isolation: isMariaDb && !isFrom(11, 1, 1) ? 'tx_isolation' : 'transaction_isolation',
    statementTime: isMariaDb ? 'max_statement_time' : 'max_execution_time',
  };
}
