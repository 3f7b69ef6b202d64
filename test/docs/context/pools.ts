import type { Redis } from 'ioredis';
import type { Pool as MysqlPool } from 'mysql2/promise';
import type { Pool } from 'pg';

export declare const password: string;
export declare const client: Redis;
export declare const pool: Pool;
export declare const mysqlPool: MysqlPool;
