import { lockBackendCases } from '../../lib/testing';
import type { ZooKeeperServer } from '../servers/zookeeper';
import { startZooKeeper } from '../servers/zookeeper';
import type { ZooKeeperPlace } from './zookeeper-harness';
import { expectNothingLeft, placeAt, playOn, SESSIONS } from './zookeeper-harness';

describe('zookeeper', () => {
  let server: ZooKeeperServer;
  let place: ZooKeeperPlace;

  beforeAll(async () => {
    server = await startZooKeeper();
    place = await placeAt([server]);
  });
  afterAll(async () => {
    place?.eye.close();
    await server?.stop();
  });

  for (const { name, run } of lockBackendCases(SESSIONS)) test.concurrent(name, () => playOn(place, run));

  test('nothing is left', () => expectNothingLeft(place));
});
