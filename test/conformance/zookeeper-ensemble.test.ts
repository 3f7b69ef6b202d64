import { lockBackendCases } from '../../lib/testing';
import type { ZooKeeperEnsemble } from '../servers/zookeeper-ensemble';
import { startZooKeeperEnsemble } from '../servers/zookeeper-ensemble';
import type { ZooKeeperPlace } from './zookeeper-harness';
import { expectNothingLeft, placeAt, playOn, SESSIONS } from './zookeeper-harness';

describe('zookeeper, an ensemble of three', () => {
  let ensemble: ZooKeeperEnsemble;
  let place: ZooKeeperPlace;

  beforeAll(async () => {
    ensemble = await startZooKeeperEnsemble({ isolable: false });
    place = await placeAt(ensemble.servers);
  });
  afterAll(async () => {
    place?.eye.close();
    await ensemble?.stop();
  });

  for (const { name, run } of lockBackendCases(SESSIONS)) test.concurrent(name, () => playOn(place, run));

  test('nothing is left', () => expectNothingLeft(place));
});
