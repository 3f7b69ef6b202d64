import { lockBackendCases } from '../../lib/testing';
import type { SqlServer } from './sql-harness';
import { expectNothingLeft, POSTGRES, playOn } from './sql-harness';

describe('postgres, strategy lease, without notifications', () => {
  let server: SqlServer;

  beforeAll(async () => {
    server = await POSTGRES.start();
  });
  afterAll(() => server?.stop());

  for (const { name, run } of lockBackendCases(POSTGRES.capabilities.lease)) {
    test.concurrent(name, () => playOn(POSTGRES, server, 'lease', run, { notifications: false }));
  }

  test('nothing is left', () => expectNothingLeft(POSTGRES, server));
});
