import type { Claim } from '../../core/backend';
import type { RowClaim } from './dialect';
import { rowName } from './names';

export function rowClaimOf({ key, holder, mode, permits, ttl, fences, label }: Claim): RowClaim {
  return { row: rowName('lease', key), holder, mode, permits, ttl, fences, label };
}
