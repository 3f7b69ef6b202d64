import { lockBackendCases } from '../../lib/testing';
import type { RedisServer } from '../servers/redis';
import { startRedis } from '../servers/redis';
import { EVERYTHING, expectNothingLeft, onOneServer, playOn } from './redis-harness';

jest.mock('ioredis', () => jest.requireActual<object>('ioredis5'));

describe('redis, with ioredis 5', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.stop());

  for (const { name, run } of lockBackendCases(EVERYTHING)) {
    test.concurrent(name, () => playOn(onOneServer(server), run));
  }

  test('nothing is left', () => expectNothingLeft(onOneServer(server)));
});
