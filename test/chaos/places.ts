import type { Place } from './place';
import { clusterPlace, redisPlace, sentinelPlace } from './redis-places';
import { mariadbPlace, postgresPlace } from './sql-places';
import { zookeeperPlace } from './zookeeper-places';

/** What `--backend` can name. */
export const PLACES: Readonly<Record<string, () => Promise<Place>>> = {
  redis: redisPlace,
  'redis-sentinel': sentinelPlace,
  'redis-cluster': clusterPlace,
  zookeeper: zookeeperPlace,
  'postgres-lease': () => postgresPlace('lease'),
  'postgres-transaction': () => postgresPlace('transaction'),
  'postgres-optimistic': () => postgresPlace('optimistic'),
  'mysql-lease': () => mariadbPlace('lease'),
  'mysql-transaction': () => mariadbPlace('transaction'),
  'mysql-optimistic': () => mariadbPlace('optimistic'),
};
