import type { GlobalConfig } from 'jest';
import { javaWithCurator } from '../zookeeper/interop/curator';
import { pythonWithKazoo } from '../zookeeper/interop/kazoo';
import { movableClock } from './clock';
import { mariaDbPrograms } from './mariadb';
import { pgBouncerProgram } from './pgbouncer';
import { postgresProgram } from './postgres';
import { redisProgram } from './redis';
import { javaWithZooKeeper } from './zookeeper';

const NEEDED = [
  ...[redisProgram, javaWithZooKeeper, postgresProgram, mariaDbPrograms, pgBouncerProgram],
  ...[movableClock, javaWithCurator, pythonWithKazoo],
];

/**
 * Before all tests, since installing may take longer than a test may; some tests by themselves install what they need when
 * they come to it. What cannot be installed is said by the tests that need it.
 */
export default async function install({ testPathPatterns }: GlobalConfig): Promise<void> {
  if (testPathPatterns.patterns.length === 0) await Promise.allSettled(NEEDED.map((find) => find()));
}
