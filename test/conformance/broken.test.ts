import { AssertionError } from 'node:assert';
import { lockBackendCases } from '../../lib/testing';
import { BROKEN } from './broken-backends';
import { EVERYTHING, memoryHarness } from './memory-harness';

const cases = lockBackendCases(EVERYTHING);

describe('the conformance kit', () => {
  test('each case has a name of its own', () => {
    const names = cases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(EVERYTHING)('has a case about backends without %p', (missing) => {
    const rest = lockBackendCases(EVERYTHING.filter((capability) => capability !== missing));
    expect(rest.some(({ lacks }) => lacks === missing)).toBe(true);
    expect(rest.every(({ needs }) => !needs.includes(missing))).toBe(true);
  });

  test.each(Object.entries(BROKEN))('sees a backend that %s', async (_, { change, seenBy }) => {
    const { run } = cases.find(({ name }) => name === seenBy)!;
    await run(memoryHarness());
    await expect(run(memoryHarness(change))).rejects.toThrow(AssertionError);
  });
});
