/**
 * How long things take, in ms, and how often they are done. `zookeeper` is what is different there: Java takes long to warm
 * up, and a lock that is used for the first time costs more than later.
 */
export const plans = {
  quick: {
    name: 'quick',
    roundMs: 200,
    warmUpMs: 1_500,
    warmUpKeys: 1,
    contestWarmUpMs: 600,
    pairs: { rounds: 6, restarts: 1 },
    rivalRounds: { rounds: 3, restarts: 0 },
    rounds: 3,
    defaultRounds: 1,
    sideRounds: 1,
    patienceMs: 1_000,
    counted: { ttl: 6_000 },
    allRivals: false,
    zookeeper: {
      warmUpMs: 6_000,
      warmUpKeys: 16,
      contestWarmUpMs: 4_000,
      usedKeys: true,
      pairs: { rounds: 12, restarts: 0 },
    },
  },
  long: {
    name: 'long',
    roundMs: 300,
    warmUpMs: 3_000,
    warmUpKeys: 1,
    contestWarmUpMs: 1_500,
    pairs: { rounds: 20, restarts: 4 },
    rivalRounds: { rounds: 10, restarts: 1 },
    rounds: 9,
    defaultRounds: 3,
    sideRounds: 3,
    patienceMs: 15_000,
    counted: { ttl: 30_000, rivalMs: 5_000 },
    allRivals: true,
    zookeeper: {
      warmUpMs: 15_000,
      warmUpKeys: 16,
      contestWarmUpMs: 10_000,
      usedKeys: true,
      pairs: { rounds: 20, restarts: 2 },
    },
  },
};
