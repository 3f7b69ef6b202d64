import { lockBackendCases } from '../../lib/testing';
import { EVERYTHING } from './redis-harness';
import { clusterPlays } from './redis-suites';

jest.mock('ioredis', () => jest.requireActual<object>('ioredis5'));

describe('redis cluster, with ioredis 5', () => clusterPlays(lockBackendCases(EVERYTHING)));
