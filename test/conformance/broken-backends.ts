import { posix } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { Claim, Grant } from '../../lib/core/backend';
import { provableUntil } from '../../lib/core/backend';
import { LockUnavailableError } from '../../lib/core/errors';
import { deriveClaim } from '../../lib/testing/derive-claim';
import type { Change } from './memory-harness';
import { wrap } from './wrap';

const never = (): AbortSignal => new AbortController().signal;

/** Looks for each key up under another one. */
const renamed = (rename: (key: string) => string): Change =>
  wrap(() => ({ acquire: (claim, next) => next(deriveClaim(claim, { key: rename(claim.key) })) }));

/** Sends each claim with other terms. */
const claiming = (terms: (claim: Claim) => Partial<Claim>): Change =>
  wrap(() => ({ acquire: (claim, next) => next(deriveClaim(claim, terms(claim))) }));

/** Every mistake that the kit must see, with a case that sees it: one table, as long as there are mistakes. */
export const BROKEN: Readonly<Record<string, { change: Change; seenBy: string }>> = {
  'excludes nobody': {
    change: claiming((claim) => ({ key: claim.key + randomUUID() })),
    seenBy: 'a counter without atomicity loses no update to many callers of several processes',
  },
  'releases without checking the holder': {
    change: wrap(() => {
      const current = new Map<string, Grant>();
      return {
        grant: (inner, { key }) => {
          current.set(key, inner);
          return { release: (outcome) => current.get(key)!.release(outcome) };
        },
      };
    }),
    seenBy: 'the new holder can release, the old one is told that it lost and frees nothing',
  },
  'says released when it was lost': {
    change: wrap(() => ({ grant: (inner) => ({ release: async (o) => (await inner.release(o), 'released') }) })),
    seenBy: 'the new holder can release, the old one is told that it lost and frees nothing',
  },
  'says lost to a second release': {
    change: wrap(() => ({
      grant(inner) {
        let isReleased = false;
        return { release: async (o) => (isReleased ? 'lost' : ((isReleased = true), inner.release(o))) };
      },
    })),
    seenBy: 'release is idempotent, and a second one does not free the next holder',
  },
  'keeps the lock of a body that failed': {
    change: wrap(() => ({ grant: (inner) => ({ release: async (o) => ('ok' in o ? inner.release(o) : 'released') }) })),
    seenBy: 'a release after an error frees the lock as well',
  },
  'says released when the store did not answer': {
    change: wrap(() => ({ grant: (inner) => ({ release: (o) => inner.release(o).catch(() => 'released') }) })),
    seenBy: 'a release that is not answered rejects, a claim is unavailable',
  },
  'does not know its holder again': {
    change: claiming(() => ({ holder: randomUUID() })),
    seenBy: 'acquire is idempotent for the holder: asked again it has the same lock, once',
  },
  'counts tokens from the start again': {
    change: wrap(() => ({ grant: () => ({ fence: 1n }) })),
    seenBy: 'tokens increase from holder to holder, process to process and start to start',
  },
  'gives the same token twice': {
    change: wrap(() => ({ grant: ({ fence }) => ({ fence: fence / 2n }) })),
    seenBy: 'tokens increase from holder to holder, process to process and start to start',
  },
  'gives blocks of tokens that it does not set aside': {
    change: wrap(() => ({
      acquire: (claim, next) => next(deriveClaim(claim, { fences: 1 })),
      grant: () => ({ fences: 33 }),
    })),
    seenBy: 'tokens increase over local hand-offs and processes that take turns',
  },
  'gives no blocks of tokens': {
    change: claiming(() => ({ fences: 1 })),
    seenBy: 'a block of tokens belongs to its grant alone',
  },
  'renews by upsert': {
    change: wrap((store, clock) => ({
      renew: async (grants, next) =>
        Promise.all(
          (await next(grants)).map(async (answer, i) => {
            const { claim } = grants[i]!;
            if (answer !== null || !(await store.acquire(deriveClaim(claim, { wait: false, signal: never() }))))
              return answer;
            return provableUntil(clock.now(), claim.ttl);
          }),
        ),
    })),
    seenBy: 'a renewal after the loss says null and does not bring the lock back',
  },
  'renews without asking': {
    change: wrap((_, clock) => ({
      renew: async (grants) => grants.map(({ claim }) => provableUntil(clock.now(), claim.ttl)),
    })),
    seenBy: 'a lock that is renewed outlives its ttl',
  },
  'never finds out whether it has renewed': {
    change: wrap(() => ({ renew: async (grants, next) => (await next(grants)).map(() => undefined) })),
    seenBy: 'a lock that is renewed outlives its ttl',
  },
  'mixes up the answers of a renewal': {
    change: wrap(() => ({ renew: async (grants, next) => [...(await next(grants))].reverse() })),
    seenBy: 'lost, released and held locks in one renewal each get their own answer',
  },
  'renews a hundred at most': {
    change: wrap(() => ({ renew: async (grants, next) => next(grants.slice(0, 100)) })),
    seenBy: 'many are renewed together and answered in their order',
  },
  'takes a renewal that was not answered for a loss': {
    change: wrap(() => ({ renew: async (grants, next) => (await next(grants)).map((answer) => answer ?? null) })),
    seenBy: 'a renewal that is not answered is unknown, not lost',
  },
  'counts the ttl from the reply, without a margin': {
    change: wrap((_, clock) => ({ grant: (_inner, { ttl }) => ({ validUntil: clock.now() + ttl }) })),
    seenBy: 'a grant is never said to be valid for longer than its ttl less the margin',
  },
  'ends locks too early': {
    change: claiming(({ ttl }) => ({ ttl: ttl / 2 })),
    seenBy: 'a lock that is not renewed goes to the next when its time is up, not earlier',
  },
  'never ends locks': {
    change: claiming(({ ttl }) => ({ ttl: ttl * 1_000 })),
    seenBy: 'a lock that is not renewed goes to the next when its time is up, not earlier',
  },
  'ignores aborts': {
    change: claiming(() => ({ signal: never() })),
    seenBy: 'a waiting claim that is aborted rejects promptly with the reason, and leaves the line',
  },
  'misses an abort while it says that a claim waits': {
    change: claiming((claim) => {
      const heard = new AbortController();
      let isSaying = false;
      claim.signal.addEventListener('abort', () => isSaying || heard.abort(claim.signal.reason));
      const contended = (): void => {
        isSaying = true;
        claim.contended();
        isSaying = false;
      };
      return { signal: heard.signal, contended };
    }),
    seenBy: 'a claim that is aborted while it is told that it waits neither waits nor holds',
  },
  'hides the reason of an abort': {
    change: wrap(() => ({
      acquire: (claim, next) =>
        next(claim).catch((error: unknown) => {
          throw claim.signal.aborted ? new Error('aborted') : error;
        }),
    })),
    seenBy: 'a waiting claim that is aborted rejects promptly with the reason, and leaves the line',
  },
  'forgets to put back what an aborted claim was granted': {
    change: wrap(() => ({
      acquire: (claim, next) =>
        new Promise((resolve, reject) => {
          claim.signal.throwIfAborted();
          claim.signal.addEventListener('abort', () => reject(claim.signal.reason));
          next(deriveClaim(claim, { signal: never() })).then(resolve, reject);
        }),
    })),
    seenBy: 'an abort that races with the grant is put back',
  },
  'forgets to put back what was granted on its way': {
    change: wrap(() => ({
      async acquire(claim, next) {
        const grant = await next(deriveClaim(claim, { signal: claim.wait ? claim.signal : never() }));
        await new Promise((resolve) => setImmediate(resolve));
        claim.signal.throwIfAborted();
        return grant;
      },
    })),
    seenBy: 'a claim aborted on its way is put back if it was granted',
  },
  'never says that a claim waits': {
    change: claiming(() => ({ contended: () => undefined })),
    seenBy: 'waiting callers get LockTimeoutError when their time is up, and the lock when it is not',
  },
  'says of every claim that it waits': {
    change: wrap(() => ({ acquire: (claim, next) => (claim.contended(), next(claim)) })),
    seenBy: 'a store that does not answer is unavailable, not busy',
  },
  'polls, and lets newcomers pass': {
    change: wrap((_, clock) => ({
      async acquire(claim, next) {
        for (let probes = 0; ; probes++) {
          claim.signal.throwIfAborted();
          const grant = await next(deriveClaim(claim, { wait: false }));
          if (grant || !claim.wait) return grant;
          claim.contended();
          await new Promise<void>((resolve) => clock.setTimeout(resolve, 30 - Math.min(probes, 25)));
        }
      },
    })),
    seenBy: 'a waiting exclusive claim holds back later shared ones',
  },
  'leaves refused claims in the line': {
    change: wrap((store) => ({
      async acquire(claim, next) {
        const grant = await next(claim);
        if (!grant && !claim.wait)
          void store.acquire(deriveClaim(claim, { wait: true, signal: never() })).catch(() => undefined);
        return grant;
      },
    })),
    seenBy: 'a refused claim leaves nothing in the line',
  },
  'stops waiting after a ttl': {
    change: wrap((_, clock) => ({
      acquire: (claim, next) => {
        const tooLong = new AbortController();
        const timer = clock.setTimeout(() => tooLong.abort(new LockUnavailableError('too long')), claim.ttl);
        return next(deriveClaim(claim, { signal: AbortSignal.any([claim.signal, tooLong.signal]) })).finally(() =>
          clock.clearTimeout(timer),
        );
      },
    })),
    seenBy: 'a claim keeps waiting for longer than its ttl',
  },
  'takes busy for unavailable': {
    change: wrap(() => ({
      async acquire(claim, next) {
        const grant = await next(claim);
        if (!grant) throw new LockUnavailableError('somebody has it');
        return grant;
      },
    })),
    seenBy: 'tryAcquire says null while another process holds the lock, and nobody is hurt by a body that throws',
  },
  'takes unavailable for busy': {
    change: wrap(() => ({
      acquire: (claim, next) =>
        next(claim).catch((error: unknown) => {
          if (error instanceof LockUnavailableError) return null;
          throw error;
        }),
    })),
    seenBy: 'a store that does not answer is unavailable, not busy',
  },
  'takes shared claims for exclusive ones': {
    change: claiming(() => ({ mode: 'exclusive', permits: 1 })),
    seenBy: 'shared holders get along, and keep an exclusive claim out until the last has gone',
  },
  'takes exclusive claims for shared ones': {
    change: claiming(({ mode, permits }) => ({ mode: 'shared', permits: mode === 'shared' ? permits : Infinity })),
    seenBy: 'an exclusive holder keeps shared claims out',
  },
  'ignores permits': {
    change: claiming(({ mode }) => (mode === 'shared' ? { permits: Infinity } : {})),
    seenBy: 'never more callers inside than there are permits, over several processes',
  },
  'looks at the permits of the first holder only': {
    change: wrap(() => {
      const first = new Map<string, number>();
      return {
        acquire(claim, next) {
          if (claim.mode === 'exclusive') return next(claim);
          const permits = first.get(claim.key) ?? claim.permits;
          first.set(claim.key, permits);
          return next(deriveClaim(claim, { permits }));
        },
      };
    }),
    seenBy: 'the smallest permits among holders and claim counts',
  },
  'leaves timers behind': {
    change: wrap((_, clock) => ({
      acquire: (claim, next) => (clock.setTimeout(() => undefined, 1e9), next(claim)),
    })),
    seenBy: 'a free lock is granted, and can be had again after its release',
  },
  'ignores case': { change: renamed((key) => key.toLowerCase()), seenBy: 'different locks: upper and lower case' },
  'ignores spaces at the end': {
    change: renamed((key) => key.trimEnd()),
    seenBy: 'different locks: spaces, in front, inside, behind',
  },
  'ends names at a zero': {
    change: renamed((key) => key.split('\0')[0]!),
    seenBy: 'different locks: tabs, line breaks and other control characters',
  },
  'takes names for paths': {
    change: renamed((key) => posix.normalize(key)),
    seenBy: 'different locks: dots that mean folders elsewhere',
  },
  'takes slashes for one another': {
    change: renamed((key) => key.replace(/\/+/g, '/')),
    seenBy: 'different locks: slashes',
  },
  'decodes names': {
    change: renamed((key) => key.replace(/%2F/g, '/')),
    seenBy: 'different locks: percent signs and escapes',
  },
  'takes a part of the name for the name': {
    change: renamed((key) => /\{(.+?)\}/.exec(key)?.[1] ?? key),
    seenBy: 'different locks: braces that mean hash tags elsewhere',
  },
  'cuts names off': {
    change: renamed((key) => key.slice(0, 255)),
    seenBy: 'different locks: long names that differ at their end',
  },
  'takes letters that look alike for one another': {
    change: renamed((key) => key.normalize('NFKC')),
    seenBy: 'different locks: Unicode that looks alike',
  },
};
