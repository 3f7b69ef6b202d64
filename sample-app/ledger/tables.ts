import { type SampleEvents, SAMPLE_EVENTS } from '../inventory/sample-events';
import type { SqlClient } from './database';

const TABLES = {
  ticket_shop_event: 'id varchar(64) PRIMARY KEY, name varchar(200) NOT NULL, seats integer NOT NULL',
  ticket_shop_sale:
    'id varchar(36) PRIMARY KEY, event_id varchar(64) NOT NULL, buyer varchar(64) NOT NULL, seats integer NOT NULL',
  ticket_shop_entry: 'id varchar(36) PRIMARY KEY, account varchar(64) NOT NULL, amount integer NOT NULL',
};

/** Makes the tables that are missing, with some events. To be called by one process at a time. */
export async function createTables(database: SqlClient, events: SampleEvents = SAMPLE_EVENTS): Promise<void> {
  for (const [name, columns] of Object.entries(TABLES)) {
    await database.query(`CREATE TABLE IF NOT EXISTS ${name} (${columns})`);
  }
  const known = await database.query('SELECT id FROM ticket_shop_event');
  if (known.length > 0) return;
  for (const [id, { name, seats }] of Object.entries(events)) {
    await database.query('INSERT INTO ticket_shop_event (id, name, seats) VALUES (?, ?, ?)', [id, name, seats]);
  }
}

export async function dropTables(database: SqlClient): Promise<void> {
  for (const name of Object.keys(TABLES)) await database.query(`DROP TABLE IF EXISTS ${name}`);
}
