import type { Connection } from '../database';
import type { MysqlServer } from './mysql-sql';
import { textOf } from './mysql-sql';

/** What is set otherwise while a connection is ours. Values as SQL writes them. */
export interface Settings {
  readonly autocommit: string;
  readonly isolation: string;
  /** When the server ends a connection that says nothing, in s. */
  readonly waitTimeout: string;
  /** How long a statement waits for a row, in s. */
  readonly lockTimeout: string;
  /** How long a statement may run; 0: for ever. */
  readonly statementTime: string;
}

/** The variables of a session that is ours for some time. */
export class MysqlSession {
  #now: Settings;

  private constructor(
    private readonly connection: Connection,
    private readonly names: Readonly<Record<keyof Settings, string>>,
    /** As the user has them. */
    readonly before: Settings,
  ) {
    this.#now = before;
  }

  static async read(connection: Connection, { isolation, statementTime }: MysqlServer): Promise<MysqlSession> {
    const names = {
      autocommit: 'autocommit',
      isolation,
      waitTimeout: 'wait_timeout',
      lockTimeout: 'innodb_lock_wait_timeout',
      statementTime,
    };
    const columns = Object.entries(names).map(([name, variable]) => `@@SESSION.${variable} AS ${name}`);
    const [result] = await connection.query(`SELECT ${columns.join(', ')}`);
    const before = Object.fromEntries(Object.entries(result!.rows[0]!).map(([name, value]) => [name, textOf(value)]));
    return new MysqlSession(connection, names, {
      ...(before as unknown as Settings),
      isolation: `'${before['isolation']}'`,
    });
  }

  /** One statement, if anything is to be changed. */
  async set(wanted: Partial<Settings>): Promise<void> {
    const settings = { ...this.#now, ...wanted };
    const changes = (Object.keys(this.names) as (keyof Settings)[]).filter(
      (name) => settings[name] !== this.#now[name],
    );
    if (changes.length === 0) return;
    await this.connection.query(
      `SET ${changes.map((name) => `@@SESSION.${this.names[name]} = ${settings[name]}`).join(', ')}`,
    );
    this.#now = settings;
  }
}
