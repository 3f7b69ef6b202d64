import { byHand } from './by-hand.mjs';

/** All on one connection. */
export async function create(pool, options) {
  const client = await pool.connect();
  return byHand((work) => work(client), options);
}
