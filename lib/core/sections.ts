import { AsyncLocalStorage } from 'node:async_hooks';
import type { Hold } from './hold';
import type { LockSet } from './lock-set';

/** A running body: what it holds, and inside which other body it runs. */
export interface Section {
  /** Whose section it is: services do not see one another's. */
  readonly of: Sections;
  lock: Hold | LockSet | undefined;
  holds: readonly Hold[];
  outer: Section | undefined;
}

/** One for all services: Node asks every storage that was ever used at every promise that is made. */
const storage = new AsyncLocalStorage<Section>();

/** Knows, per async path, which sections it is inside of. A section that has ended is not seen any more. */
export class Sections {
  /** The innermost running section, or the innermost one that holds the key. */
  find(key?: string): { lock: Hold | LockSet; hold: Hold } | undefined {
    for (let section = running(storage.getStore()); section; section = section.outer = running(section.outer)) {
      if (section.of !== this) continue;
      const hold = key === undefined ? section.holds[0] : section.holds.find((each) => each.key === key);
      if (hold) return { lock: section.lock!, hold };
    }
    return undefined;
  }

  /** Runs the body inside of a new section, until that is ended. */
  enter<T>(section: Section, body: () => T): T {
    section.outer = running(storage.getStore());
    return storage.run(section, body);
  }

  /** Whatever was started inside keeps its section alive for as long as it runs: so the section lets go of the rest. */
  end(section: Section): void {
    section.lock = undefined;
    section.holds = [];
  }
}

/** The section, or the innermost one around it that still holds all that it held. */
function running(section: Section | undefined): Section | undefined {
  while (section && !(section.holds.length > 0 && !section.holds.some(hasEnded))) section = section.outer;
  return section;
}

function hasEnded(hold: Hold): boolean {
  return hold.ended;
}
