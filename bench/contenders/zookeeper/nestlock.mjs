import { zookeeperBackend } from '../../../dist/backends/zookeeper/index.mjs';
import { nestlock } from '../nestlock.mjs';

export const create = (connect, { ttl }) => nestlock({ backend: zookeeperBackend({ connect, sessionTimeout: ttl }) });
