import { lockBackendCases } from '../../lib/testing';
import { EVERYTHING } from './redis-harness';
import { oneServerPlays } from './redis-suites';

jest.mock('ioredis', () => jest.requireActual<object>('ioredis5'));

describe('redis, with ioredis 5', () => oneServerPlays(lockBackendCases(EVERYTHING)));
