import type { Database } from '../database';
import type { TableStatements } from '../dialect';
import { checkTable, literal } from '../names';
import { NOW } from './postgres-sql';

/** The oldest version that has all that is needed: SKIP LOCKED, ON CONFLICT, time-outs of idle transactions. */
const OLDEST = 100_000;
/** How many rows are deleted at once. */
const BATCH = 1_000;

/** Quoted, for statements. */
export interface PostgresNames {
  readonly table: string;
  readonly sequence: string;
}

export function namesOf(parts: readonly string[]): PostgresNames {
  const quoted = (suffix: string): string =>
    parts.map((part, i) => `"${part}${i === parts.length - 1 ? suffix : ''}"`).join('.');
  return { table: quoted(''), sequence: quoted('_fence') };
}

/**
 * The statements that make the table of `postgresBackend`, for migrations; they do nothing if it is there. Times in it are
 * microseconds since 1970 on the server's clock.
 *
 * @param table - as the option: perhaps with the schema, `'app.nestlock'`. Default: `'nestlock'`
 * @throws LockConfigError
 */
export function postgresTable(table = 'nestlock'): string {
  const { table: name, sequence } = namesOf(checkTable(table));
  return `CREATE TABLE IF NOT EXISTS ${name} (
  key text COLLATE "C" PRIMARY KEY,
  holder text,
  shared jsonb,
  expires_at bigint NOT NULL DEFAULT 0,
  fence bigint NOT NULL DEFAULT 0,
  version bigint NOT NULL DEFAULT 0,
  awaited boolean NOT NULL DEFAULT false,
  label text,
  used_at bigint NOT NULL
);
DO $$ BEGIN
  IF to_regclass(${literal(sequence)}) IS NULL THEN
    EXECUTE format('CREATE SEQUENCE ${sequence} START %s', ${NOW});
  END IF;
END $$;
`;
}

export class PostgresTables implements TableStatements {
  readonly #table: string;
  readonly #sequence: string;
  readonly #ddl: string;

  constructor(parts: readonly string[]) {
    ({ table: this.#table, sequence: this.#sequence } = namesOf(parts));
    this.#ddl = postgresTable(parts.join('.'));
  }

  async check(database: Database): Promise<void> {
    // Fails for a column of another type as well.
    await database.query(
      `SELECT length(key) + length(holder) + length(label) FROM ${this.#table} ` +
        `WHERE awaited AND shared @> '{}'::jsonb AND expires_at + fence + version + used_at < 0::bigint LIMIT 0; ` +
        `SELECT last_value FROM ${this.#sequence} LIMIT 0; ` +
        // They change nothing, but need the rights to.
        `UPDATE ${this.#table} SET used_at = used_at WHERE false; ` +
        `INSERT INTO ${this.#table} (key, used_at) SELECT key, used_at FROM ${this.#table} WHERE false`,
    );
  }

  async create(database: Database): Promise<void> {
    const lock = `SELECT pg_advisory_xact_lock(hashtext(${literal(`create ${this.#table}`.replaceAll('"', ''))}))`;
    // Without BEGIN, after which a refusal would leave the connection in a failed transaction; together they are one as it is.
    await database.query(`${lock}; ${this.#ddl}`);
  }

  async addRow(database: Pick<Database, 'query'>, row: string): Promise<void> {
    await database.query(
      `INSERT INTO ${this.#table} (key, version, used_at) VALUES (${literal(row)}, ${NOW}, ${NOW}) ON CONFLICT (key) DO NOTHING`,
    );
  }

  async purge(database: Database, idle: number): Promise<number> {
    const before = `${NOW} - ${idle * 1_000}`;
    const [result] = await database.query(
      `DELETE FROM ${this.#table} WHERE key IN (SELECT key FROM ${this.#table} ` +
        `WHERE used_at < ${before} AND expires_at < ${before} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`,
    );
    return result!.count;
  }

  async unfit(database: Database): Promise<string | undefined> {
    const [result] = await database.query(
      "SELECT pg_is_in_recovery()::text AS standby, current_setting('server_version_num') AS number, " +
        "current_setting('server_version') AS version",
    );
    const { standby, number, version } = result!.rows[0]!;
    if (standby === 'true') return 'this server is a standby, which can only be read. Connect to the primary';
    if (Number(number) < OLDEST) return `nestlock needs PostgreSQL 10 or newer, and this is ${String(version)}`;
    return undefined;
  }
}
