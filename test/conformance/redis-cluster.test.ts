import { lockBackendCases } from '../../lib/testing';
import type { RedisCluster } from '../servers/cluster';
import { startCluster } from '../servers/cluster';
import { EVERYTHING, expectNothingLeft, onCluster, playOn } from './redis-harness';

describe('redis cluster', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.stop());

  for (const { name, run } of lockBackendCases(EVERYTHING)) {
    test.concurrent(name, () => playOn(onCluster(cluster), run));
  }

  test('nothing is left', () => expectNothingLeft(onCluster(cluster)));
});
