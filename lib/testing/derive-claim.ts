import type { Claim } from '../core/backend';

/** @internal The claim with other terms. (Not by spreading: some members of a claim are inherited or made when asked for.) */
export function deriveClaim(claim: Claim, terms: Partial<Claim>): Claim {
  const { key, holder, mode, permits, ttl, fences, wait, signal, label } = claim;
  return { key, holder, mode, permits, ttl, fences, wait, signal, label, contended: () => claim.contended(), ...terms };
}
