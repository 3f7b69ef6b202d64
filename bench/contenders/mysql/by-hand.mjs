import { randomBytes } from 'node:crypto';

export const tables = [
  `CREATE TABLE bare (
    id VARCHAR(255) PRIMARY KEY,
    holder VARCHAR(64),
    expires_at DATETIME(6) NOT NULL DEFAULT '1970-01-01',
    fence BIGINT NOT NULL DEFAULT 0,
    version BIGINT NOT NULL DEFAULT 0
  )`,
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
    await use((connection) => connection.query('INSERT IGNORE INTO bare (id) VALUES (?)', [key]));
  };

  const strategies = {
    transaction: (key, section) =>
      use(async (connection) => {
        await connection.query('START TRANSACTION');
        await connection.query('SELECT 1 FROM bare WHERE id = ? FOR UPDATE', [key]);
        await connection.query('UPDATE bare SET fence = LAST_INSERT_ID(fence + 1) WHERE id = ?', [key]);
        const result = await section();
        await connection.query('COMMIT');
        return result;
      }),

    /** As `transaction`, without a token. */
    pessimistic: (key, section) =>
      use(async (connection) => {
        await connection.query('START TRANSACTION');
        await connection.query('SELECT 1 FROM bare WHERE id = ? FOR UPDATE', [key]);
        const result = await section();
        await connection.query('COMMIT');
        return result;
      }),

    async lease(key, section) {
      const holder = `${owner}${calls++}`;
      await use((connection) =>
        connection.query(
          'UPDATE bare SET holder = ?, expires_at = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, ' +
            'fence = LAST_INSERT_ID(fence + 1) WHERE id = ? AND expires_at < UTC_TIMESTAMP(6)',
          [holder, ttl * 1_000, key],
        ),
      );
      const result = await section();
      await use((connection) =>
        connection.query("UPDATE bare SET holder = NULL, expires_at = '1970-01-01' WHERE id = ? AND holder = ?", [
          key,
          holder,
        ]),
      );
      return result;
    },

    optimistic: (key, section) =>
      use(async (connection) => {
        await connection.query('START TRANSACTION');
        const [[{ version }]] = await connection.query('SELECT version FROM bare WHERE id = ?', [key]);
        const result = await section();
        await connection.query('UPDATE bare SET version = version + 1 WHERE id = ? AND version = ?', [key, version]);
        await connection.query('COMMIT');
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
