import type { BackendChoice } from '../processes/backend-choice';

/** What a member is to do; told to its process as JSON. */
export interface Plan {
  readonly member: string;
  readonly seed: number;
  readonly backend: BackendChoice | BrokenChoice;
  /** Where it writes what it sees. */
  readonly history: string;
  readonly callers: number;
  readonly keys: readonly string[];
  /** Keys with shared holders as well. */
  readonly sharedKeys: readonly string[];
  /** In ms: how long a lock outlives its holder, and how long a command may take. */
  readonly ttl: number;
  readonly commandTimeout: number;
  /** Whether `acquire` and several keys are possible: not where sections write through the transaction of their lock. */
  readonly hasHandles: boolean;
  /** Whether sections write through the transaction of their lock to a table of this name. */
  readonly table?: string | undefined;
}

/** Backends that do not keep their promises, to see whether that is found out. */
export type BrokenChoice = ['releases-unchecked' | 'restarts-tokens', { readonly url: string }];

/** What a member may be told. */
export type Order = { readonly order: 'block'; readonly ms: number } | { readonly order: 'end' };

/** For one of the keys that are shared; the others have no bound. */
export const PERMITS = 3;
