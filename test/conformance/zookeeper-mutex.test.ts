import { lockBackendCases } from '../../lib/testing';
import type { ZooKeeperServer } from '../servers/zookeeper';
import { startZooKeeper } from '../servers/zookeeper';
import type { ZooKeeperPlace } from './zookeeper-harness';
import { expectNothingLeft, placeAt, playOn } from './zookeeper-harness';

describe('zookeeper, with the nodes of a mutex of Curator', () => {
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

  for (const { name, run } of lockBackendCases(['acquire', 'fifo', 'handoff'])) {
    test.concurrent(name, () => playOn(place, run, { curator: 'mutex' }));
  }

  test('nothing is left', () => expectNothingLeft(place));
});
