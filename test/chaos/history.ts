/** All times are in ms on the clock that the processes of a machine share (CLOCK_MONOTONIC). */
export type Entry = Asked | Held | Over | Answered | Stood;

/** A member asks for locks. */
export interface Asked {
  readonly what: 'asked';
  /** Of the section; all its entries have it. */
  readonly id: string;
  readonly member: string;
  readonly at: number;
  readonly keys: readonly string[];
  readonly shared: boolean;
  /** How many may be in at once when shared. Absent: any number. */
  readonly permits?: number | undefined;
  /** After how long it must be lost if it is not given back, in ms. */
  readonly maxHold?: number | undefined;
  /** Whether it queues, and does not give up before its deadline. */
  readonly waits: boolean;
  /** When it must have the lock or its error, unless its process was not running. */
  readonly deadline: number;
}

/** A lock said that it is held, when it was asked after `at`, and that it will be until `until` if nothing happens to it. */
export interface Held {
  readonly what: 'held';
  readonly id: string;
  readonly at: number;
  readonly until: number;
  /** One for each key; none if the backend has no tokens. */
  readonly tokens: readonly string[];
}

/** It is given back from now on, or was found lost. */
export interface Over {
  readonly what: 'over';
  readonly id: string;
  readonly at: number;
  /** Why it was lost, if it was: `LockLostError.reason`. */
  readonly lost?: string;
}

/** What the caller was told in the end. */
export interface Answered {
  readonly what: 'answered';
  readonly id: string;
  readonly at: number;
  readonly outcome: Outcome;
  /** The name of the error, and what it said, if there was one. */
  readonly error?: string;
  readonly message?: string;
}

/** A member has noticed that it did not run: it was stopped, or the machine was busy with others. */
export interface Stood {
  readonly what: 'stood';
  readonly member: string;
  readonly from: number;
  readonly to: number;
}

/** `unknown`: it may have been committed. */
export type Outcome = 'done' | 'failed' | 'unknown';

/** A time in which something was not as it should be. */
export interface Disturbance {
  readonly kind: string;
  /** Whose; the server's if there is none. */
  readonly member?: string | undefined;
  readonly from: number;
  /** `Infinity` for a member that was killed: it does not come back under its name. */
  readonly to: number;
}

/** What is known of one section. */
export interface Section {
  readonly asked: Asked;
  readonly held: readonly Held[];
  readonly over: Over | undefined;
  readonly answered: Answered | undefined;
}

export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Puts together what belongs together. Entries of one section are in order; the last may be missing. */
export function sectionsOf(entries: Iterable<Entry>): Section[] {
  const sections = new Map<string, { asked: Asked; held: Held[]; over?: Over; answered?: Answered }>();
  for (const entry of entries) {
    if (entry.what === 'stood') continue;
    if (entry.what === 'asked') {
      sections.set(entry.id, { asked: entry, held: [] });
      continue;
    }
    const section = sections.get(entry.id)!;
    if (entry.what === 'held') section.held.push(entry);
    else if (entry.what === 'over') section.over = entry;
    else section.answered = entry;
  }
  return [...sections.values()].map(({ asked, held, over, answered }) => ({ asked, held, over, answered }));
}
