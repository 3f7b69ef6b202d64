import { mysqlBackend } from '../../../dist/backends/sql/mysql/index.mjs';
import { nestlock } from '../nestlock.mjs';

export const create = (pool, { ttl, strategy }) =>
  nestlock({ backend: mysqlBackend({ pool, strategy, table: `nestlock_${strategy}` }), ttl });
