import { byHand } from './by-hand.mjs';

/** Each on a connection of the pool. */
export const create = (pool, options) =>
  byHand(async (work) => {
    const client = await pool.connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  }, options);
