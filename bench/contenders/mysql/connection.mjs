import mysql from 'mysql2/promise';
import { Connection } from 'mysql2';

/** The statements that the driver has been told to send. */
export const commands = { query: 0 };

const connection = Object.getPrototypeOf(Connection.prototype); // those of a pool have the same
const { query } = connection;

connection.query = function (...args) {
  commands.query++;
  return query.apply(this, args);
};

/** A pool with default options. */
export const connect = (url) => mysql.createPool(url);
