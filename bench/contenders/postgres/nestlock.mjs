import { postgresBackend } from '../../../dist/backends/sql/postgres/index.mjs';
import { nestlock } from '../nestlock.mjs';

export const create = (pool, { ttl, strategy }) =>
  nestlock({ backend: postgresBackend({ pool, strategy, table: `nestlock_${strategy}` }), ttl });
