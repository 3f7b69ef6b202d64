import { lockBackendCases } from '../../lib/testing';
import { EVERYTHING } from './redis-harness';
import { oneServerPlays } from './redis-suites';

describe('redis', () => oneServerPlays(lockBackendCases(EVERYTHING)));
