import { lockBackendCases } from '../../lib/testing';
import type { RedisServer } from '../servers/redis';
import { startRedis } from '../servers/redis';
import type { RedisHarness } from './redis-harness';
import { EVERYTHING, redisHarness } from './redis-harness';

describe('redis', () => {
  let server: RedisServer;
  let harness: RedisHarness;

  beforeAll(async () => {
    server = await startRedis();
    harness = redisHarness([server], (through) => ({ url: `redis://${server.host}:${through(server.port)}` }));
  });
  afterEach(() => harness.close());
  afterAll(() => server.stop());

  for (const { name, run } of lockBackendCases(EVERYTHING)) {
    test(name, () => run(harness));
  }
});
