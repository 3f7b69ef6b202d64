import { lockBackendCases } from '../../lib/testing';
import { EVERYTHING, memoryHarness } from './memory-harness';

describe('memory', () => {
  for (const { name, run } of lockBackendCases(EVERYTHING)) {
    test(name, () => run(memoryHarness()));
  }
});
