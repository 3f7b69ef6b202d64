import type { Lock, LockBackend } from 'nestlock';
import { postgresBackend, transactionOf } from 'nestlock/postgres';
import { type ClientBase, Pool } from 'pg';
import { Database, type LockOptions, type SqlClient } from './database';

export const POSTGRES_URL = 'postgres://localhost:5432/postgres';

export class PostgresDatabase extends Database {
  private readonly pool: Pool;

  constructor(url = POSTGRES_URL) {
    super();
    this.pool = new Pool({ connectionString: url });
    this.pool.on('error', () => {}); // an idle connection that breaks is replaced
  }

  lockBackend(options: LockOptions): LockBackend {
    return postgresBackend({ pool: this.pool, ...options });
  }

  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]> {
    return send(this.pool, sql, values);
  }

  transactionOf(lock: Lock): SqlClient {
    const client = transactionOf<ClientBase>(lock);
    return { query: (sql, values) => send(client, sql, values) };
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

async function send<Row>(client: Pool | ClientBase, sql: string, values: readonly unknown[] = []): Promise<Row[]> {
  let position = 0;
  const numbered = sql.replace(/\?/g, () => `$${++position}`);
  const { rows } = await client.query(numbered, [...values]);
  return rows as Row[];
}
