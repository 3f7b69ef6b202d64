import type { LockBackendCase } from '../../lib/testing';
import { startCluster } from '../servers/cluster';
import { startRedis } from '../servers/redis';
import type { SentinelGroup } from '../servers/sentinel';
import { startSentinel } from '../servers/sentinel';
import { holdThrough } from './redis-failover';
import type { RedisPlace } from './redis-harness';
import { expectNothingLeft, onCluster, onOneServer, onSentinel, playOn } from './redis-harness';

// What is played with each version of ioredis, which a test file chooses: only there can it be mocked.

type Cases = readonly LockBackendCase[];

export function oneServerPlays(cases: Cases): void {
  playAll(cases, startRedis, onOneServer);
}

export function clusterPlays(cases: Cases): void {
  playAll(cases, startCluster, onCluster);
}

export function sentinelPlays(cases: Cases): void {
  const half = cases.length / 2;
  let group: SentinelGroup;
  const place = (): RedisPlace => onSentinel(group);

  beforeAll(async () => {
    group = await startSentinel();
  });
  afterAll(() => group?.stop());

  describe('on the first primary', () => playEach(cases.slice(0, half), place));
  test('locks outlive a failover, or are known to be lost', () => holdThrough(place(), () => group.failover()));
  describe('on the next primary', () => playEach(cases.slice(half), place));
  lookForRemains(place);
  test('the same when the primary dies', () => holdThrough(place(), () => group.killPrimary()));
}

function playAll<S extends { stop(): Promise<unknown> }>(
  cases: Cases,
  start: () => Promise<S>,
  on: (servers: S) => RedisPlace,
): void {
  let servers: S;
  const place = (): RedisPlace => on(servers);

  beforeAll(async () => {
    servers = await start();
  });
  afterAll(() => servers?.stop());

  playEach(cases, place);
  lookForRemains(place);
}

function playEach(cases: Cases, place: () => RedisPlace): void {
  for (const { name, run } of cases) test.concurrent(name, () => playOn(place(), run));
}

function lookForRemains(place: () => RedisPlace): void {
  test('nothing is left', () => expectNothingLeft(place()));
}
