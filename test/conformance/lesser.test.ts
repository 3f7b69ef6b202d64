import { lockBackendCases } from '../../lib/testing';
import { LESSER } from './lesser-backends';

// The cases that stand in for what a backend cannot do. Real backends that lack it are tested beside their servers.
describe.each(Object.entries(LESSER))('a backend that %s', (_, { can, harness }) => {
  for (const { name, run } of lockBackendCases(can)) {
    test(name, () => run(harness()));
  }
});
