import pg from 'pg';

/** What the driver has been told to send: several statements in one go are one. */
export const commands = { query: 0 };

const { query } = pg.Client.prototype;

pg.Client.prototype.query = function (...args) {
  commands.query++;
  return query.apply(this, args);
};

/** A pool with default options. */
export const connect = (url) => new pg.Pool({ connectionString: url });
