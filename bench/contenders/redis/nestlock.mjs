import { redisBackend } from '../../../dist/backends/redis/index.mjs';
import { nestlock } from '../nestlock.mjs';

export const create = (redis, { ttl }) => nestlock({ backend: redisBackend(redis), ttl });
