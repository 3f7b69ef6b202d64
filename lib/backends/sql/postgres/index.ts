export type { TypeOrmDataSource } from '../data-source';
export type { SqlStrategy } from '../options';
export type { ColumnValues, VersionedUpdate } from '../update-versioned';
export type { PostgresClient, PostgresPool, PostgresPoolClient } from './client';
export { postgresBackend } from './postgres.backend';
export type { PostgresBackendOptions } from './postgres.backend';
export { postgresTable } from './postgres-tables';
export { transactionOf } from './transaction-of';
export { updateVersioned } from './update-versioned';
