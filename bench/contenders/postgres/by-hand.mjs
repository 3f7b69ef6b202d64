import { randomBytes } from 'node:crypto';

export const tables = [
  `CREATE TABLE bare (
    key text PRIMARY KEY,
    holder text,
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    fence bigint NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0
  )`,
  'CREATE SEQUENCE bare_fence',
];

/**
 * What one writes by hand to have the same effect, and nothing else: no waiting, no renewal, no checks.
 *
 * @param use - calls back with a connection
 */
export function byHand(use, { ttl, strategy }) {
  const known = new Set();
  const owner = randomBytes(16).toString('hex');
  let calls = 0;

  const addRow = async (key) => {
    known.add(key);
    await use((client) => client.query('INSERT INTO bare (key) VALUES ($1) ON CONFLICT DO NOTHING', [key]));
  };

  const strategies = {
    transaction: (key, section) =>
      use(async (client) => {
        await client.query('BEGIN');
        await client.query('SELECT 1 FROM bare WHERE key = $1 FOR UPDATE', [key]);
        await client.query("SELECT nextval('bare_fence')");
        const result = await section();
        await client.query('COMMIT');
        return result;
      }),

    /** As `transaction`, without a token. */
    pessimistic: (key, section) =>
      use(async (client) => {
        await client.query('BEGIN');
        await client.query('SELECT 1 FROM bare WHERE key = $1 FOR UPDATE', [key]);
        const result = await section();
        await client.query('COMMIT');
        return result;
      }),

    async lease(key, section) {
      const holder = `${owner}${calls++}`;
      await use((client) =>
        client.query(
          "UPDATE bare SET holder = $1, expires_at = clock_timestamp() + $2 * interval '1 ms', fence = fence + 1 " +
            'WHERE key = $3 AND expires_at < clock_timestamp() RETURNING fence',
          [holder, ttl, key],
        ),
      );
      const result = await section();
      await use((client) =>
        client.query("UPDATE bare SET holder = NULL, expires_at = '-infinity' WHERE key = $1 AND holder = $2", [
          key,
          holder,
        ]),
      );
      return result;
    },

    optimistic: (key, section) =>
      use(async (client) => {
        await client.query('BEGIN');
        const { rows } = await client.query('SELECT version FROM bare WHERE key = $1', [key]);
        const result = await section();
        await client.query('UPDATE bare SET version = version + 1 WHERE key = $1 AND version = $2', [
          key,
          rows[0].version,
        ]);
        await client.query('COMMIT');
        return result;
      }),
  };

  return {
    async run(key, section) {
      if (!known.has(key)) await addRow(key);
      return strategies[strategy](key, section);
    },
  };
}
