import { lockBackendCases } from '../../lib/testing';
import type { SqlServer } from './sql-harness';
import { expectNothingLeft, POSTGRES, playOn } from './sql-harness';

describe('postgres, strategy optimistic', () => {
  let server: SqlServer;

  beforeAll(async () => {
    server = await POSTGRES.start();
  });
  afterAll(() => server?.stop());

  for (const { name, run } of lockBackendCases(POSTGRES.capabilities.optimistic)) {
    test.concurrent(name, () => playOn(POSTGRES, server, 'optimistic', run));
  }

  test('nothing is left', () => expectNothingLeft(POSTGRES, server));
});
