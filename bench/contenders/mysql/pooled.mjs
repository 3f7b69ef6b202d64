import { byHand } from './by-hand.mjs';

/** Each on a connection of the pool. */
export const create = (pool, options) =>
  byHand(async (work) => {
    const connection = await pool.getConnection();
    try {
      return await work(connection);
    } finally {
      connection.release();
    }
  }, options);
