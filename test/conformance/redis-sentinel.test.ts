import { lockBackendCases } from '../../lib/testing';
import type { SentinelGroup } from '../servers/sentinel';
import { startSentinel } from '../servers/sentinel';
import { holdThrough } from './redis-failover';
import { EVERYTHING, expectNothingLeft, onSentinel, playOn } from './redis-harness';

describe('redis behind sentinels', () => {
  const cases = lockBackendCases(EVERYTHING);
  const half = cases.length / 2;
  let group: SentinelGroup;

  beforeAll(async () => {
    group = await startSentinel();
  });
  afterAll(() => group?.stop());

  describe('on the first primary', () => {
    for (const { name, run } of cases.slice(0, half)) test.concurrent(name, () => playOn(onSentinel(group), run));
  });

  test('locks outlive a failover, or are known to be lost', () =>
    holdThrough(onSentinel(group), () => group.failover()));

  describe('on the next primary', () => {
    for (const { name, run } of cases.slice(half)) test.concurrent(name, () => playOn(onSentinel(group), run));
  });

  test('nothing is left', () => expectNothingLeft(onSentinel(group)));

  test('the same when the primary dies', () => holdThrough(onSentinel(group), () => group.killPrimary()));
});
