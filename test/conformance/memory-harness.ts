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
  const backend = change(store, clock);
  return {
    ttl: 1_000,
    advance: (ms) => clock.advance(ms),
    connect: async () => backend,
    connectCuttable: async () => {
      const faults: BackendFaults = {};
      return { backend: change(faultyBackend(store, faults), clock), cut: () => void Object.assign(faults, DOWN) };
    },
    unreachable: async () => change(faultyBackend(memoryBackend({ clock }), DOWN), clock),
    residue: async () => (clock.pending === 0 ? [] : [`${clock.pending} timers`]),
  };
}
