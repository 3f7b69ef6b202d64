import { lockBackendCases } from '../../lib/testing';
import type { SqlServer } from './sql-harness';
import { expectNothingLeft, POSTGRES, playOn } from './sql-harness';

describe('postgres, strategy transaction', () => {
  let server: SqlServer;

  beforeAll(async () => {
    server = await POSTGRES.start();
  });
  afterAll(() => server?.stop());

  for (const { name, run } of lockBackendCases(POSTGRES.capabilities.transaction)) {
    test.concurrent(name, () => playOn(POSTGRES, server, 'transaction', run));
  }

  test('nothing is left', () => expectNothingLeft(POSTGRES, server));
});
