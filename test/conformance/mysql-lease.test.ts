import { lockBackendCases } from '../../lib/testing';
import type { SqlServer } from './sql-harness';
import { expectNothingLeft, MARIADB, playOn } from './sql-harness';

describe('mysql, strategy lease', () => {
  let server: SqlServer;

  beforeAll(async () => {
    server = await MARIADB.start();
  });
  afterAll(() => server?.stop());

  for (const { name, run } of lockBackendCases(MARIADB.capabilities.lease)) {
    test.concurrent(name, () => playOn(MARIADB, server, 'lease', run));
  }

  test('nothing is left', () => expectNothingLeft(MARIADB, server));
});
