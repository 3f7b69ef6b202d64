import { byHand } from './by-hand.mjs';

/** All on one connection. */
export async function create(pool, options) {
  const connection = await pool.getConnection();
  return byHand((work) => work(connection), options);
}
