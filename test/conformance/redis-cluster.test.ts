import { lockBackendCases } from '../../lib/testing';
import { EVERYTHING } from './redis-harness';
import { clusterPlays } from './redis-suites';

describe('redis cluster', () => clusterPlays(lockBackendCases(EVERYTHING)));
