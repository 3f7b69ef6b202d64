import type { Database } from './database';
import { MysqlDatabase } from './mysql.database';
import { PostgresDatabase } from './postgres.database';

/** The databases that can keep the ledger, by the name of their lock backend. */
export const databases: Readonly<Record<string, (url: string | undefined) => Database>> = {
  postgres: (url) => new PostgresDatabase(url),
  mysql: (url) => new MysqlDatabase(url),
};

/** @throws Error when there is no such database */
export function openDatabase(name: string, url: string | undefined): Database {
  const open = Object.hasOwn(databases, name) ? databases[name] : undefined;
  if (!open) throw new Error(`There is no database "${name}". There is: ${Object.keys(databases).join(', ')}`);
  return open(url);
}
