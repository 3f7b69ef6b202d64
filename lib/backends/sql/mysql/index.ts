export type { TypeOrmDataSource } from '../data-source';
export type { SqlStrategy } from '../options';
export type { ColumnValues, VersionedUpdate } from '../update-versioned';
export type {
  MysqlCallbackPool,
  MysqlConnectionOfPool,
  MysqlPool,
  MysqlPromiseConnectionOfPool,
  MysqlPromisePool,
} from './client';
export { mysqlBackend } from './mysql.backend';
export type { MysqlBackendOptions } from './mysql.backend';
export { mysqlTable } from './mysql-tables';
export { transactionOf } from './transaction-of';
export { updateVersioned } from './update-versioned';
