import { lockBackendCases } from '../../lib/testing';
import { EVERYTHING } from './redis-harness';
import { sentinelPlays } from './redis-suites';

jest.mock('ioredis', () => jest.requireActual<object>('ioredis5'));

describe('redis behind sentinels, with ioredis 5', () => sentinelPlays(lockBackendCases(EVERYTHING)));
