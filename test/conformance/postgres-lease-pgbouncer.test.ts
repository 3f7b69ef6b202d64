import { lockBackendCases } from '../../lib/testing';
import type { PgBouncerServer } from '../servers/pgbouncer';
import { startPgBouncer } from '../servers/pgbouncer';
import { startPostgres, type PostgresServer } from '../servers/postgres';
import { expectNothingLeft, playOn, POSTGRES } from './sql-harness';

describe('postgres, strategy lease, through PgBouncer in transaction mode', () => {
  let postgres: PostgresServer;
  let bouncer: PgBouncerServer;

  beforeAll(async () => {
    postgres = await startPostgres();
    bouncer = await startPgBouncer(postgres, { mode: 'transaction' });
  });
  afterAll(async () => {
    await bouncer?.stop();
    await postgres?.stop();
  });

  const server = () => ({
    host: bouncer.host,
    port: bouncer.port,
    url: bouncer.url,
    stop: () => bouncer.stop(),
    query: (sql: string) => postgres.query(sql),
  });

  for (const { name, run } of lockBackendCases(POSTGRES.capabilities.lease)) {
    test.concurrent(name, () => playOn(POSTGRES, server(), 'lease', run, { notifications: false }));
  }

  test('nothing is left', () => expectNothingLeft({ ...POSTGRES, connections: 'SELECT 1 WHERE false' }, server()));
});
