import { Random } from './random';

/** Something that will happen: in ms from the beginning, for so many ms. */
export interface Fault {
  readonly at: number;
  readonly kind: string;
  readonly ms: number;
}

export interface ScheduleOptions {
  readonly seed: number;
  /** In ms. */
  readonly duration: number;
  readonly ttl: number;
  readonly members: number;
  readonly serverFaults: readonly string[];
}

/** Faults of a member, how often they are chosen, and for how many parts of a ttl they last. */
const MEMBER_FAULTS = [
  { kind: 'kill', weight: 3, from: 0, to: 0.5 },
  { kind: 'stop', weight: 5, from: 0.3, to: 2.5 },
  { kind: 'block', weight: 2, from: 0.2, to: 1.5 },
  { kind: 'cut', weight: 2, from: 0, to: 1.5 },
  { kind: 'silence', weight: 2, from: 0.2, to: 2 },
  { kind: 'lose replies', weight: 2, from: 0.02, to: 0.3 },
  { kind: 'delay', weight: 1, from: 0.5, to: 2 },
  { kind: 'clock', weight: 1, from: 1, to: 2 },
] as const;

/** Which member has a clock that can be moved. */
export const MOVABLE = 0;

export type MemberFault = (typeof MEMBER_FAULTS)[number]['kind'];

/** From one fault to the next of the same member, or of the servers, in ms. */
const MEMBER_PAUSE = [1_000, 10_000] as const;
const SERVER_PAUSE = [5_000, 15_000] as const;
/** So many ms of peace come after so many of faults, since some promises can only be checked in peace. */
const FAULTS = 50_000;
const PEACE = 12_000;

/** The faults of each member, and those of the servers, in the order of time. The same for the same options. */
export function schedule(options: ScheduleOptions): { readonly members: Fault[][]; readonly servers: Fault[] } {
  const { seed, duration, ttl, members, serverFaults } = options;
  const random = new Random(seed);
  const inTime = (pause: readonly [number, number], make: (at: number) => Fault): Fault[] => {
    const faults: Fault[] = [];
    for (let at = random.between(...pause) / 2; at < duration - PEACE;) {
      const fault = make(at);
      const inPeriod = at % (FAULTS + PEACE);
      if (inPeriod + fault.ms > FAULTS) {
        at += FAULTS + PEACE - inPeriod + random.between(...pause) / 2;
        continue;
      }
      faults.push(fault);
      at += fault.ms + random.between(...pause);
    }
    return faults;
  };
  const memberFaults = (slot: number): Fault[] => {
    const possible = MEMBER_FAULTS.filter(({ kind }) => kind !== 'clock' || slot === MOVABLE);
    const kinds = possible.flatMap((fault) => Array.from({ length: fault.weight }, () => fault));
    return inTime(MEMBER_PAUSE, (at) => {
      const { kind, from, to } = random.pick(kinds);
      return { at, kind, ms: random.between(from * ttl, to * ttl) };
    });
  };
  const serverFault = (at: number): Fault => {
    return { at, kind: random.pick(serverFaults), ms: random.between(0.1 * ttl, 1.5 * ttl) };
  };
  return {
    members: Array.from({ length: members }, (_, slot) => memberFaults(slot)),
    servers: serverFaults.length === 0 ? [] : inTime(SERVER_PAUSE, serverFault),
  };
}
