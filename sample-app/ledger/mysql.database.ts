import { type Connection, createPool, type Pool } from 'mysql2/promise';
import type { Lock, LockBackend } from 'nestlock';
import { mysqlBackend, transactionOf } from 'nestlock/mysql';
import { Database, type LockOptions, type SqlClient } from './database';

export const MYSQL_URL = 'mysql://root@localhost:3306/test';

export class MysqlDatabase extends Database {
  private readonly pool: Pool;

  constructor(url = MYSQL_URL) {
    super();
    this.pool = createPool(url);
  }

  lockBackend(options: LockOptions): LockBackend {
    return mysqlBackend({ pool: this.pool, ...options });
  }

  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]> {
    return send(this.pool, sql, values);
  }

  transactionOf(lock: Lock): SqlClient {
    const client = transactionOf<Connection>(lock);
    return { query: (sql, values) => send(client, sql, values) };
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

async function send<Row>(client: Pool | Connection, sql: string, values: readonly unknown[] = []): Promise<Row[]> {
  const [rows] = await client.query(sql, [...values]);
  return rows as Row[];
}
