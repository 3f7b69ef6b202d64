import type { Fault } from '../failures';
import { codeOf } from '../failures';

/** https://www.postgresql.org/docs/current/errcodes-appendix.html, as far as it matters here. */
export const State = {
  serializationFailure: '40001',
  deadlock: '40P01',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
  inFailedTransaction: '25P02',
  undefinedTable: '42P01',
  undefinedColumn: '42703',
  undefinedSchema: '3F000',
} as const;

const FAULTS: Readonly<Record<string, Fault>> = {
  [State.serializationFailure]: 'conflict',
  [State.deadlock]: 'conflict',
  [State.lockNotAvailable]: 'locked',
  [State.queryCanceled]: 'cancelled',
  [State.undefinedTable]: 'noTable',
  [State.undefinedColumn]: 'otherShape',
  '42804': 'otherShape', // a column of another type
  '42883': 'otherShape', // no such operator for these types
  '22P02': 'otherShape', // text where a number was expected
  '23502': 'otherShape', // a column of somebody else's wants a value
  '42P10': 'otherShape', // the key is not unique
  '23505': 'exists', // of the catalogue
  '42P07': 'exists',
  '42710': 'exists',
  '28000': 'refused',
  '28P01': 'refused', // wrong password
  '3D000': 'refused', // no such database
  [State.undefinedSchema]: 'refused',
  '42501': 'refused', // no right
};

export function diagnosePostgres(error: unknown): Fault | undefined {
  return FAULTS[codeOf(error) ?? ''];
}

export function hasState(error: unknown, state: string): boolean {
  return codeOf(error) === state;
}

/** What ends the connection, or says that it was not there: the statement may have been carried out all the same. */
const FATAL = /^(08|53|57P0|58|XX|25P0[34])/;

/** Whether the server has refused a statement; the connection is as good as before. Severities come in many languages. */
export function isRefusal(error: unknown): boolean {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof severity === 'string' && typeof code === 'string' && !FATAL.test(code);
}
