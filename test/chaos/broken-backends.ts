import { Redis } from 'ioredis';
import type { Claim, Grant, LockBackend, ReleaseAnswer } from '../../lib/core/backend';
import { provableUntil } from '../../lib/core/backend';
import { systemClock } from '../../lib/core/clock';
import type { BrokenChoice } from './plan';

const POLL = 10;
const DELETE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;
const RENEW = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0`;

/** SET NX PX, as often written, with one of two mistakes that are as often made. */
export function brokenBackend([mistake, { url }]: BrokenChoice): LockBackend {
  const redis = new Redis(url);
  redis.on('error', () => undefined);
  let tokens = 0n; // of this process
  const isHolder = async (script: string, { key, holder }: Claim, ...args: number[]): Promise<boolean> =>
    (await redis.eval(script, 1, key, holder, ...args)) === 1;
  const claims = new Map<Grant, Claim>();

  const acquire = async (claim: Claim): Promise<Grant | null> => {
    for (;;) {
      claim.signal.throwIfAborted();
      const sentAt = systemClock.now();
      if (await redis.set(claim.key, claim.holder, 'PX', claim.ttl, 'NX')) return grant(claim, sentAt);
      if (!claim.wait) return null;
      claim.contended();
      await new Promise((resolve) => setTimeout(resolve, POLL));
    }
  };

  const grant = async (claim: Claim, sentAt: number): Promise<Grant> => {
    const fence = mistake === 'restarts-tokens' ? ++tokens : BigInt(await redis.incr(`${claim.key}:fence`));
    const made: Grant = {
      fence,
      fences: 1,
      validUntil: provableUntil(sentAt, claim.ttl),
      async release(): Promise<ReleaseAnswer> {
        claims.delete(made);
        if (mistake === 'releases-unchecked') return (await redis.del(claim.key)) === 1 ? 'released' : 'lost';
        return (await isHolder(DELETE, claim)) ? 'released' : 'lost';
      },
    };
    claims.set(made, claim);
    return made;
  };

  return {
    name: mistake,
    acquire,
    renew: (grants) =>
      Promise.all(
        grants.map(async (each) => {
          const claim = claims.get(each);
          const sentAt = systemClock.now();
          const isOurs = claim && (await isHolder(RENEW, claim, claim.ttl));
          return isOurs ? provableUntil(sentAt, claim.ttl) : null;
        }),
      ),
    close: async () => redis.disconnect(),
  };
}
