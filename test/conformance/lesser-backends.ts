import type { Grant, LockBackend, ReleaseAnswer } from '../../lib/core/backend';
import { provableUntil } from '../../lib/core/backend';
import { MAX_TIMER_MS } from '../../lib/core/clock';
import { LockConfigError } from '../../lib/core/errors';
import { memoryBackend } from '../../lib/backends/memory/memory.backend';
import type { BackendFaults, LockBackendCapability, LockBackendHarness } from '../../lib/testing';
import { FakeClock, faultyBackend } from '../../lib/testing';
import { deriveClaim } from '../../lib/testing/derive-claim';
import { DOWN, EVERYTHING, harnessOf, memoryHarness } from './memory-harness';
import { wrap } from './wrap';

/** A sound backend that cannot do everything. */
export interface Lesser {
  readonly can: readonly LockBackendCapability[];
  harness(): LockBackendHarness;
}

const allBut = (...missing: readonly LockBackendCapability[]): readonly LockBackendCapability[] =>
  EVERYTHING.filter((capability) => !missing.includes(capability));

export const LESSER: Readonly<Record<string, Lesser>> = {
  'knows exclusive claims only': {
    can: allBut('shared', 'permits'),
    harness: () => memoryHarness(exclusiveOnly),
  },
  'knows no permits': {
    can: allBut('permits'),
    harness: () =>
      memoryHarness(
        wrap(() => ({
          async acquire(claim, next) {
            if (claim.mode === 'shared' && claim.permits !== Infinity) throw new LockConfigError('no permits');
            return next(claim);
          },
        })),
      ),
  },
  'gives one token at a time': {
    can: allBut('handoff'),
    harness: () => memoryHarness(wrap(() => ({ acquire: (claim, next) => next(deriveClaim(claim, { fences: 1 })) }))),
  },
  'does not find a renewal out at once': {
    can: EVERYTHING,
    harness: () =>
      memoryHarness(
        wrap(() => {
          const asked = new Set<Grant>();
          return {
            async renew(grants, next) {
              const again = grants.filter((grant) => asked.delete(grant));
              for (const grant of grants) if (!again.includes(grant)) asked.add(grant);
              const answers = [...(await next(again))];
              return grants.map((grant) => (asked.has(grant) ? undefined : answers.shift()));
            },
          };
        }),
      ),
  },
  'probes instead of queueing': { can: allBut('fifo'), harness: () => memoryHarness(probing) },
  'has sessions instead of leases': { can: allBut('leases'), harness: sessionHarness },
  'excludes commits instead of bodies': { can: [], harness: optimisticHarness },
};

const exclusiveOnly = wrap(() => ({
  async acquire(claim, next) {
    if (claim.mode === 'shared') throw new LockConfigError('exclusive claims only');
    return next(claim);
  },
}));

/** No queue in the store: whoever waits asks again and again. */
const probing = wrap((_, clock) => ({
  async acquire(claim, next) {
    for (;;) {
      const grant = await next(deriveClaim(claim, { wait: false }));
      if (grant || !claim.wait) return grant;
      claim.contended();
      claim.signal.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => {
          clock.clearTimeout(timer);
          reject(claim.signal.reason);
        };
        const timer = clock.setTimeout(() => {
          claim.signal.removeEventListener('abort', onAbort);
          resolve();
        }, 30);
        claim.signal.addEventListener('abort', onAbort, { once: true });
      });
    }
  },
}));

/** Whatever a process holds or waits for ends with its session, and with nothing else. */
function sessionHarness(): LockBackendHarness {
  const clock = new FakeClock();
  const store = memoryBackend({ clock });
  const plain = harnessOf(clock, { backend: store });
  const { ttl } = plain;
  const connect = (): { backend: LockBackend; end: () => void } => {
    const ended = new AbortController();
    const grants = new Set<Grant>();
    const session = wrap(() => ({
      acquire: (claim, next) =>
        next(deriveClaim(claim, { ttl: MAX_TIMER_MS, signal: AbortSignal.any([claim.signal, ended.signal]) })),
      grant: (inner) => (grants.add(inner), { validUntil: provableUntil(clock.now(), ttl) }),
      renew: async (all, next) => (await next(all)).map((answer) => answer && provableUntil(clock.now(), ttl)),
    }));
    const end = (): void => {
      ended.abort(new Error('the session has ended'));
      for (const grant of grants) void grant.release({ ok: true });
    };
    return { backend: session(store, clock), end };
  };
  return {
    ...plain,
    connect: async () => connect().backend,
    async connectCuttable() {
      const faults: BackendFaults = {};
      const { backend, end } = connect();
      const cut = (): void => {
        Object.assign(faults, DOWN);
        clock.setTimeout(end, ttl);
      };
      return { backend: faultyBackend(backend, faults), cut };
    },
  };
}

function optimisticHarness(): LockBackendHarness {
  const clock = new FakeClock();
  const backend = optimistic(clock);
  return harnessOf(clock, { backend, unreachable: exclusiveOnly(faultyBackend(backend, DOWN), clock) });
}

/** A version per key: whoever finds at the end that another was first must do it again. */
function optimistic(clock: FakeClock): LockBackend {
  const versions = new Map<string, number>();
  return {
    name: 'optimistic',
    clock,
    attempts: 3,
    async acquire({ key, mode, ttl }) {
      if (mode === 'shared') throw new LockConfigError('exclusive claims only');
      const version = versions.get(key) ?? 0;
      let answer: ReleaseAnswer | undefined;
      const commit = (): ReleaseAnswer => {
        if ((versions.get(key) ?? 0) !== version) return 'conflict';
        versions.set(key, version + 1);
        return 'released';
      };
      return {
        fence: 0n,
        fences: 0,
        validUntil: provableUntil(clock.now(), ttl),
        release: async (outcome) => (answer ??= 'ok' in outcome ? commit() : 'released'),
      };
    },
    renew: async (grants) => grants.map(() => clock.now() + 1_000),
  };
}
