import type { Connection, Database, Result } from '../database';
import type { TableStatements } from '../dialect';
import { checkTable, literal } from '../names';
import { diagnoseMysql, hasCode, Code, OtherShapeError } from './mysql-errors';
import { NOW, quoted, serverOf, textOf } from './mysql-sql';

/** How many rows are deleted at once. */
const BATCH = 1_000;

/** The columns, and what they may be. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  key: ['varchar'],
  holder: ['varchar'],
  shared: ['json', 'longtext'],
  expires_at: ['bigint'],
  fence: ['bigint'],
  version: ['bigint'],
  label: ['varchar'],
  used_at: ['bigint'],
};

/** How much of a label is kept, in characters. */
export const LABEL_LENGTH = 255;

/**
 * The statement that makes the table of `mysqlBackend`, for migrations; it does nothing if it is there. Times in it are
 * microseconds since 1970 on the server's clock.
 *
 * @param table - as the option: perhaps with the schema, `'app.nestlock'`. Default: `'nestlock'`
 * @throws LockConfigError
 */
export function mysqlTable(table = 'nestlock'): string {
  return `CREATE TABLE IF NOT EXISTS ${quoted(checkTable(table))} (
  \`key\` VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
  holder VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin,
  shared JSON,
  expires_at BIGINT NOT NULL DEFAULT 0,
  fence BIGINT NOT NULL DEFAULT 0,
  version BIGINT NOT NULL DEFAULT 0,
  label VARCHAR(${LABEL_LENGTH}) CHARACTER SET ascii COLLATE ascii_bin,
  used_at BIGINT NOT NULL
) ENGINE = InnoDB;
`;
}

export class MysqlTables implements TableStatements {
  readonly #table: string;

  constructor(private readonly parts: readonly string[]) {
    this.#table = quoted(parts);
  }

  async check(database: Database): Promise<void> {
    const columns = Object.keys(COLUMNS).map((column) => `\`${column}\``);
    await database.query(`SELECT ${columns.join(', ')} FROM ${this.#table} LIMIT 0`);
    await this.#checkShape(database);
    // Changes nothing, but a server that can only be read refuses it.
    await database.query(`UPDATE ${this.#table} SET used_at = used_at WHERE \`key\` = ''`);
  }

  async create(database: Database): Promise<void> {
    await database.query(mysqlTable(this.parts.join('.')));
  }

  async addRow(database: Pick<Database, 'query'>, row: string): Promise<void> {
    // INSERT would wait for the lock of a row that is there.
    const [known] = await database.query(`SELECT 1 FROM ${this.#table} WHERE \`key\` = ${literal(row)}`);
    if (known!.rows.length > 0) return;
    try {
      // The token as well, so that it grows even if the row was deleted and its next users share it.
      await database.query(
        `INSERT INTO ${this.#table} (\`key\`, fence, version, used_at) VALUES (${literal(row)}, ${NOW}, ${NOW}, ${NOW})`,
      );
    } catch (error) {
      if (!hasCode(error, Code.duplicateKey) && diagnoseMysql(error) !== 'locked') throw error;
    }
  }

  async purge(database: Database, idle: number): Promise<number> {
    const before = `${NOW} - ${idle * 1_000}`;
    const isIdle = `used_at < ${before} AND expires_at < ${before}`; // a lease that was taken has only the second
    // A read that locks nothing first: to find them by DELETE would lock, and wait for, every row of the table.
    const [idles] = await database.query(`SELECT \`key\` FROM ${this.#table} WHERE ${isIdle} LIMIT ${BATCH}`);
    if (idles!.rows.length === 0) return 0;
    const connection = await database.connect();
    try {
      const count = await this.#delete(connection, `\`key\` IN (${keysOf(idles!)}) AND ${isIdle}`);
      connection.giveBack();
      return count;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  async unfit(database: Database): Promise<string | undefined> {
    const [result] = await database.query('SELECT VERSION() AS version, @@innodb_read_only AS read_only');
    const { version, read_only } = result!.rows[0]!;
    const { isMariaDb, isRecent } = serverOf(textOf(version));
    if (!isRecent) {
      const needed = isMariaDb ? 'MariaDB 10.6' : 'MySQL 8.0.19';
      return `nestlock needs ${needed} or newer, and this is ${textOf(version)}`;
    }
    if (textOf(read_only) !== '0') return 'this server can only be read (innodb_read_only)';
    return undefined;
  }

  async #delete({ query }: Connection, condition: string): Promise<number> {
    await query('START TRANSACTION');
    const [locked] = await query(
      `SELECT \`key\` FROM ${this.#table} FORCE INDEX (PRIMARY) WHERE ${condition} FOR UPDATE SKIP LOCKED`,
    );
    const count = locked!.rows.length;
    if (count > 0) await query(`DELETE FROM ${this.#table} WHERE \`key\` IN (${keysOf(locked!)})`);
    await query('COMMIT');
    return count;
  }

  async #checkShape(database: Database): Promise<void> {
    const [table, schema] = [...this.parts].reverse();
    const [result] = await database.query(
      'SELECT c.COLUMN_NAME AS name, c.COLUMN_TYPE AS type, c.COLUMN_KEY AS part, c.COLLATION_NAME AS collation_name, ' +
        't.ENGINE AS engine FROM information_schema.COLUMNS c JOIN information_schema.TABLES t ' +
        'ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME ' +
        `WHERE c.TABLE_SCHEMA = ${schema === undefined ? 'DATABASE()' : literal(schema)} AND c.TABLE_NAME = ${literal(table!)}`,
    );
    const complaint = complaintOf(result!.rows);
    if (complaint !== undefined) throw new OtherShapeError(complaint);
  }
}

function complaintOf(columns: Result['rows']): string | undefined {
  for (const { name, type, part, collation_name, engine } of columns) {
    if (textOf(engine).toLowerCase() !== 'innodb') return `its engine is ${textOf(engine)}, not InnoDB`;
    const allowed = COLUMNS[textOf(name)];
    const kind = textOf(type).replace(/\(.*\)/, '');
    if (allowed && !allowed.includes(kind)) return `its column "${textOf(name)}" is ${textOf(type)}, not ${allowed[0]}`;
    if ((name === 'key') !== (part === 'PRI')) return 'its primary key is not "key"';
    if (name === 'key' && !textOf(collation_name).endsWith('_bin')) return 'its column "key" does not tell A from a';
  }
  return undefined;
}

function keysOf({ rows }: Result): string {
  return rows.map(({ key }) => literal(textOf(key))).join(', ');
}
