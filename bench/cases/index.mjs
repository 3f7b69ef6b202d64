import { rivals } from '../contenders/redis/index.mjs';
import { openRedis } from '../systems/redis.mjs';
import { openMysql, openPostgres } from '../systems/sql.mjs';
import { openZooKeeper } from '../systems/zookeeper.mjs';
import { renewal, waiting } from './counted.mjs';
import { handOver, hotKey } from './hot-key.mjs';
import { sqlCases } from './sql.mjs';
import { uncontended } from './uncontended.mjs';

const bare = { library: 'bare', name: 'bare commands' };
const curator = { library: 'curator', name: 'Curator' };
const bares = ['bare', 'bare (Java)'];

/** The cases under the names for `--only`, by the system that they need. Each gives `{ rows, tables?, problems? }`. */
export const systems = {
  redis: {
    open: openRedis,
    cases: {
      cycle: (bench) =>
        uncontended(bench, { title: 'Free lock, one after the other', keys: 1, goal: 0.9, against: bare, rivals }),
      keys: (bench) =>
        uncontended(bench, { title: 'Free locks, 64 keys at once', keys: 64, goal: 0.9, against: bare, rivals }),
      process: (bench) => hotKey(bench, { title: 'Hot key, 1 process × 50', processes: 1, waiters: 50, goal: 50 }),
      processes: (bench) =>
        hotKey(bench, { title: 'Hot key, 4 processes × 25', processes: 4, waiters: 25, goal: 20, waitGoal: 0.2 }),
      handover: (bench) => handOver(bench, { title: 'Hot key, 8 processes × 1', processes: 8, goal: 2.1 }),
      waiting: (bench) =>
        waiting(bench, { title: 'Held lock, 1,000 waiters in 4 processes', processes: 4, waiters: 1_000, goal: 1 }),
      renewal: (bench) => renewal(bench, { title: '10,000 held locks, for one ttl', locks: 10_000, goal: 300 }),
    },
  },
  zookeeper: {
    open: openZooKeeper,
    cases: {
      'zookeeper-cycle': (bench) =>
        uncontended(bench, {
          title: 'ZooKeeper: free lock, one after the other',
          keys: 1,
          goal: 1,
          against: curator,
          rivals: bares,
        }),
      'zookeeper-keys': (bench) =>
        uncontended(bench, {
          title: 'ZooKeeper: free locks, 64 keys at once',
          keys: 64,
          against: curator,
          rivals: bares,
        }),
      'zookeeper-process': (bench) =>
        hotKey(bench, { title: 'ZooKeeper: hot key, 1 process × 50', processes: 1, waiters: 50, goal: 5 }),
      'zookeeper-processes': (bench) =>
        hotKey(bench, { title: 'ZooKeeper: hot key, 4 processes × 25', processes: 4, waiters: 25 }),
    },
  },
  postgres: { open: openPostgres, cases: sqlCases('postgres', 'PostgreSQL') },
  mysql: { open: openMysql, cases: sqlCases('mysql', 'MariaDB') },
};
