/**
 * A library is a file and what it is told: `lease` of nestlock, or written by hand. Each file has
 * `create(pool, { ttl, strategy })`, which gives `{ run(key, section) }`.
 */
export const strategies = ['transaction', 'lease', 'optimistic'];

/** For one lock that all want; `optimistic` would exclude nobody. */
export const allContenders = () => [
  { library: 'nestlock transaction', variant: 'transaction' },
  { library: 'nestlock lease', variant: 'lease' },
  { library: 'pooled pessimistic' },
];
