import type { LockBackendCapability, LockBackendCase } from './backend-harness';
import { abortCases } from './cases/abort';
import { exclusionCases } from './cases/exclusion';
import { expiryCases } from './cases/expiry';
import { nameCases } from './cases/names';
import { optimisticCases } from './cases/optimistic';
import { permitCases } from './cases/permits';
import { renewalCases } from './cases/renewal';
import { Scene } from './cases/scene';
import { sharedCases } from './cases/shared';
import { tokenCases } from './cases/tokens';
import { unavailableCases } from './cases/unavailable';
import { waitingCases } from './cases/waiting';

/** In the order in which a new backend would come to pass them. */
const ALL_CASES = [
  ...exclusionCases,
  ...waitingCases,
  ...abortCases,
  ...tokenCases,
  ...renewalCases,
  ...expiryCases,
  ...sharedCases,
  ...permitCases,
  ...nameCases,
  ...unavailableCases,
  ...optimisticCases,
];

/**
 * The conformance kit: what a backend with these capabilities must do, as data for any test runner. Every case uses keys
 * of its own, opens and closes its backends, and fails if something is left behind.
 *
 * @example
 * import { lockBackendCases, type LockBackendHarness } from 'nestlock/testing';
 *
 * let harness: LockBackendHarness; // made in beforeAll
 *
 * for (const { name, run } of lockBackendCases(['acquire', 'shared', 'permits', 'fifo', 'handoff', 'leases'])) {
 *   test(name, () => run(harness));
 * }
 */
export function lockBackendCases(capabilities: readonly LockBackendCapability[]): readonly LockBackendCase[] {
  const has = new Set(capabilities);
  return ALL_CASES.filter(
    ({ needs = [], lacks }) => needs.every((each) => has.has(each)) && !(lacks && has.has(lacks)),
  ).map(({ name, needs = [], lacks, play }) => ({ name, needs, lacks, run: (harness) => Scene.play(harness, play) }));
}
