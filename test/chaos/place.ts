import type { BackendChoice } from '../processes/backend-choice';
import type { TcpProxy } from '../servers/proxy';
import type { Promises } from './checker';
import type { BrokenChoice } from './plan';

/** A member's own way to the servers, which can be disturbed. */
export interface Link {
  readonly backend: BackendChoice | BrokenChoice;
  readonly proxies: readonly TcpProxy[];
}

/** A fault of the servers, which lasts for about `ms` and is over when it resolves. */
export type ServerFault = (ms: number) => Promise<unknown>;

/** Servers that keep locks, what they promise, and what can happen to them. */
export interface Place {
  readonly promises: Promises;
  readonly commandTimeout: number;
  /** Default: true. */
  readonly hasShared?: boolean;
  /** Default: true. */
  readonly hasHandles?: boolean;
  readonly faults: Readonly<Record<string, ServerFault>>;
  link(): Promise<Link>;
  /** Where sections write through the transaction of their lock. */
  readonly table?: SharedTable;
  /** What is left of the locks when everybody has gone. */
  leftovers(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export interface SharedTable {
  readonly name: string;
  /** Makes it, with a row of value 0 for each id. */
  create(ids: readonly string[]): Promise<void>;
  /** What is in it now, by id. */
  values(): Promise<ReadonlyMap<string, number>>;
  /** Every write that was committed, as the same transaction has noted it: in the table of the same name with `_log`. */
  log(): Promise<readonly Noted[]>;
}

export interface Noted {
  readonly section: string;
  readonly id: string;
  /** What it read; it wrote one more. */
  readonly value: number;
}
