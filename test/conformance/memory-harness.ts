import { memoryBackend } from '../../lib/backends/memory/memory.backend';
import type { LockBackend } from '../../lib/core/backend';
import type { BackendFaults, LockBackendCapability, LockBackendHarness } from '../../lib/testing';
import { FakeClock, faultyBackend } from '../../lib/testing';

export const EVERYTHING: readonly LockBackendCapability[] = [
  'acquire',
  'shared',
  'permits',
  'fifo',
  'handoff',
  'leases',
];

/** What a store that does not answer looks like. */
export const DOWN: BackendFaults = {
  acquire: { lose: 'request' },
  renew: { lose: 'request' },
  release: { lose: 'request' },
};

/** Makes the backend under test of one that works. */
export type Change = (store: LockBackend, clock: FakeClock) => LockBackend;

/** A store in memory, on a clock that stands still until it is told to move. */
export function memoryHarness(change: Change = (store) => store): LockBackendHarness {
  const clock = new FakeClock();
  const store = memoryBackend({ clock });
  return harnessOf(clock, {
    backend: change(store, clock),
    cuttable: (faults) => change(faultyBackend(store, faults), clock),
    unreachable: change(faultyBackend(memoryBackend({ clock }), DOWN), clock),
  });
}

/** A harness whose processes all use the same backend. */
export function harnessOf(
  clock: FakeClock,
  {
    backend,
    cuttable = (faults) => faultyBackend(backend, faults),
    unreachable = faultyBackend(backend, DOWN),
  }: { backend: LockBackend; cuttable?: (faults: BackendFaults) => LockBackend; unreachable?: LockBackend },
): LockBackendHarness {
  return {
    ttl: 1_000,
    advance: (ms) => clock.advance(ms),
    connect: async () => backend,
    async connectCuttable() {
      const faults: BackendFaults = {};
      return { backend: cuttable(faults), cut: () => void Object.assign(faults, DOWN) };
    },
    unreachable: async () => unreachable,
    residue: async () => (clock.pending === 0 ? [] : [`${clock.pending} timers`]),
  };
}
