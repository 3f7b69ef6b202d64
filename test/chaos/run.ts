import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../servers/until';
import type { Verdict } from './checker';
import { check } from './checker';
import { wrongWrites } from './committed';
import type { Disturbance, Entry } from './history';
import { now, sectionsOf } from './history';
import type { Place } from './place';
import { Registers } from './registers';
import type { Fault } from './schedule';
import { MOVABLE, schedule } from './schedule';
import { Slot } from './slot';
import { onStandstill, STANDSTILL } from './standstill';

export interface RunOptions {
  readonly place: Place;
  readonly seed: number;
  /** In ms. */
  readonly duration: number;
  /** How many processes. Default: 4. */
  readonly members?: number;
  /** Leaves the servers alone. */
  readonly membersOnly?: boolean;
  /** A folder for the histories of the members. Default: they are deleted. */
  readonly keep?: string | undefined;
}

export interface Report extends Verdict {
  /** How often each fault happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** How often the register that checks tokens refused a stale holder. */
  readonly refused: number;
  /** How many updates were lost where tokens are checked. */
  readonly lostFenced: number;
  /** How many were lost where holders look whether they have the lock right before they write, and nobody checks a token. */
  readonly lostOpen: number;
}

const CALLERS = 6;
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];
const SHARED_KEYS = ['s', 't'];
/** How soon nothing must be left when all members have ended, in ms: there was peace before, for longer than a ttl. */
const TIDY = 1_000;

/** Has members take locks while things go wrong, and checks what they have seen. */
export async function run({ place, seed, duration, members = 4, membersOnly, keep }: RunOptions): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'nestlock-chaos-'));
  const registers = new Registers();
  const disturbances: Disturbance[] = [];
  const slots: Slot[] = [];
  // The machine may do something else for a while. This process has the proxies: when it stands still, so do all messages.
  const standstills: Disturbance[] = [];
  const stopLooking = onStandstill((interval) => standstills.push({ kind: STANDSTILL, ...interval }));
  try {
    await place.table?.create(KEYS);
    for (let i = 0; i < members; i++) slots.push(await slotOf(i));
    await Promise.all(slots.map((slot) => slot.start()));
    const begin = now();
    const { ttl } = place.promises;
    const serverFaults = membersOnly ? [] : Object.keys(place.faults);
    const plan = schedule({ seed, duration, ttl, members, serverFaults });
    await Promise.all([
      ...slots.map((slot, i) => play(plan.members[i]!, (fault) => slot.suffer(fault))),
      play(plan.servers, async ({ kind, ms }) => {
        const from = now();
        await place.faults[kind]!(ms);
        disturbances.push({ kind, from, to: now() });
      }),
    ]);
    await sleep(begin + duration - now());
    await Promise.all(slots.map((slot) => slot.end()));
    const left = await leftoversOf(place);
    const entries = slots.flatMap(({ histories }) => histories.flatMap(read));
    const sections = sectionsOf(entries);
    for (const entry of entries) if (entry.what === 'stood') standstills.push({ kind: STANDSTILL, ...entry });
    const verdict = check(sections, [...disturbances, ...standstills], place.promises);
    const lostFenced = registers.lost('fenced');
    const violations = [
      ...verdict.violations,
      ...slots.flatMap(({ complaints }) => complaints),
      ...left,
      ...(place.table ? wrongWrites(await place.table.values(), await place.table.log(), sections) : []),
      ...(lostFenced === 0 ? [] : [`${lostFenced} updates were lost though tokens were to see to that`]),
    ];
    const lostOpen = registers.lost('open');
    return { ...verdict, violations, faults: counted(disturbances), refused: registers.refused, lostFenced, lostOpen };

    async function play(faults: readonly Fault[], cause: (fault: Fault) => Promise<void>): Promise<void> {
      for (const fault of faults) {
        await sleep(Math.max(0, begin + fault.at - now()));
        await cause(fault);
      }
    }
  } catch (error) {
    for (const slot of slots) slot.abandon();
    throw error;
  } finally {
    stopLooking();
    if (keep !== undefined) {
      writeFileSync(join(folder, 'disturbances.json'), JSON.stringify([...disturbances, ...standstills]));
      cpSync(folder, keep, { recursive: true });
    }
    rmSync(folder, { recursive: true, force: true });
  }

  async function slotOf(i: number): Promise<Slot> {
    const { promises, commandTimeout, hasShared = true, hasHandles = true, table } = place;
    const sharedKeys = hasShared ? SHARED_KEYS : [];
    const plan = {
      seed: seed + 1_000 * i,
      callers: CALLERS,
      keys: KEYS,
      sharedKeys,
      ttl: promises.ttl,
      commandTimeout,
    };
    const link = await place.link();
    const name = String.fromCharCode('A'.charCodeAt(0) + i);
    const slot = new Slot(name, folder, link, { ...plan, hasHandles, table: table?.name }, registers, disturbances);
    if (i === MOVABLE) await slot.useClock();
    return slot;
  }
}

function read(history: string): Entry[] {
  const lines = readFileSync(history, 'utf8').split('\n');
  lines.pop(); // empty, or what a process that was killed did not come to write
  return lines.map((line) => JSON.parse(line) as Entry);
}

async function leftoversOf({ leftovers }: Place): Promise<string[]> {
  let left: readonly string[] = [];
  const isEmpty = async (): Promise<boolean> => (left = await leftovers()).length === 0;
  await until('nothing that is left', isEmpty, TIDY).catch(() => undefined);
  return left.map((each) => `left behind: ${each}`);
}

function counted(disturbances: readonly Disturbance[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of disturbances) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
