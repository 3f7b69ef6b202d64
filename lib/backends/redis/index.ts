export type { RedisClient } from './client';
export type { RedisAddress, RedisBackendOptions } from './options';
export { redisBackend } from './redis.backend';
