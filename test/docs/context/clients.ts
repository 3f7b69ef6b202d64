import type { Redis } from 'ioredis';
import type { LockService } from 'nestlock';

export declare const client: Redis;
export declare const locks: LockService;
export declare function pack(id: string): Promise<void>;
export declare function send(id: string): Promise<string>;
