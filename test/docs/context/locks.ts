import type { Lock, LockService } from 'nestlock';

export declare const locks: LockService;
export declare const addresses: readonly string[];
export declare function work(lock: Lock): Promise<string>;
export declare function send(address: string, options: { signal: AbortSignal }): Promise<void>;
export declare function readPrices(): Promise<readonly number[]>;
export declare function writePrices(): Promise<void>;
export declare function print(): Promise<void>;
