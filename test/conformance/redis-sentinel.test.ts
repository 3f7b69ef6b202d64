import { lockBackendCases } from '../../lib/testing';
import { EVERYTHING } from './redis-harness';
import { sentinelPlays } from './redis-suites';

describe('redis behind sentinels', () => sentinelPlays(lockBackendCases(EVERYTHING)));
