import type { Fault } from '../failures';
import { codeOf } from '../failures';

/** https://mariadb.com/kb/en/mariadb-error-codes/, as far as it matters here; MySQL has the same numbers. */
export const Code = {
  lockWaitTimeout: 1205,
  deadlock: 1213,
  noSuchSavepoint: 1305,
  noSuchThread: 1094,
  duplicateKey: 1062,
  syntax: 1064,
} as const;

const FAULTS: Readonly<Record<string | number, Fault>> = {
  [Code.deadlock]: 'conflict',
  1020: 'conflict', // the record has changed since the snapshot was made
  1412: 'conflict', // the table was altered since then
  3101: 'conflict', // another member of a replication group was faster
  [Code.lockWaitTimeout]: 'locked',
  3572: 'locked', // NOWAIT
  1146: 'noTable',
  1054: 'otherShape', // no such column
  1265: 'otherShape', // a column of another type
  1364: 'otherShape', // a column of somebody else's wants a value
  1366: 'otherShape',
  1406: 'otherShape', // a column that is too short
  1050: 'exists',
  1684: 'exists', // is just being made
  1317: 'cancelled',
  1969: 'cancelled', // max_statement_time
  3024: 'cancelled', // max_execution_time
  1044: 'refused', // no right to the database
  1045: 'refused', // wrong password
  1046: 'refused', // no database chosen
  1049: 'refused', // no such database
  1130: 'refused', // not from this host
  1142: 'refused', // no right to the table
  1143: 'refused',
  1227: 'refused',
  1251: 'refused', // a way to log in that the driver does not know
  1698: 'refused',
  1036: 'refused', // read-only table
  1290: 'refused', // read-only server
  1836: 'refused',
  1874: 'refused',
};

/** Refusals after which it is not known whether the statement has had an effect, or the connection is not what it was. */
const DOUBTFUL: readonly unknown[] = [
  1180, // error during COMMIT
  1927, // connection killed
];

/** The table is not one of ours. */
export class OtherShapeError extends Error {}

export function diagnoseMysql(error: unknown): Fault | undefined {
  if (error instanceof OtherShapeError) return 'otherShape';
  return FAULTS[codeOf(error) ?? ''] ?? (stateOf(error) === '40001' ? 'conflict' : undefined);
}

export function hasCode(error: unknown, code: number): boolean {
  return codeOf(error) === code;
}

/** Whether the server has refused a statement; the connection is as good as before. */
export function isRefusal(error: unknown): boolean {
  const state = stateOf(error);
  if (!state || state.startsWith('08')) return false; // 08: the connection
  const { errno, fatal } = error as { errno?: unknown; fatal?: unknown };
  return fatal !== true && !DOUBTFUL.includes(errno);
}

function stateOf(error: unknown): string {
  const { sqlState } = (error ?? {}) as { sqlState?: unknown };
  return typeof sqlState === 'string' ? sqlState : '';
}
