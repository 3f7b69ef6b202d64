import { hostname } from 'node:os';
import { Code, Flags } from './client';
import { namesOf, prefixOf } from './contenders';
import type { ZooKeeperError } from './failures';
import { hasCode } from './failures';
import type { ZooKeeperSettings } from './options';
import { join } from './paths';
import type { Place } from './place';
import { lookFor, settle } from './place';
import type { Listing } from './requests';

const HOST = hostname();

/** How a claim lines up. */
export interface Entry {
  readonly settings: ZooKeeperSettings;
  /** The part of the node's name that says what it asks for. */
  readonly mark: string;
  readonly label: string | undefined;
  /** @throws when nobody waits for it any more */
  readonly check: () => void;
  /** For a node that is one too many. */
  readonly discard: (place: Place) => void;
}

/** Makes the node, unless it is there already, and lists it with the others in the same go. @throws ZooKeeperError */
export async function enter(place: Place, entry: Entry): Promise<Listing> {
  const { settings, mark, label, check } = entry;
  const { parent, session } = place;
  const { requests } = session;
  const found = place.isUncertain ? await lookFor(place, settings.recipe) : undefined;
  if (found) return tidy(place, entry, found);
  for (;;) {
    check();
    place.isUncertain = true;
    const path = join(parent, prefixOf(place.id) + mark);
    const creating = requests.create(path, dataOf(label), Flags.ephemeralSequential);
    const listing = requests.children(parent);
    listing.catch(() => undefined); // it is looked at below, or the other one has failed as well
    try {
      const created = await creating;
      place.name = created.slice(created.lastIndexOf('/') + 1);
      place.isUncertain = false;
    } catch (error) {
      place.isUncertain = (error as ZooKeeperError).isLoss;
      if (!hasCode(error, Code.noNode)) throw error;
      await requests.makeContainers(parent, settings);
      continue;
    }
    return tidy(place, entry, await listing);
  }
}

/** Of several nodes the first one stays. */
async function tidy(place: Place, { settings, discard }: Entry, listing: Listing): Promise<Listing> {
  const { recipe } = settings;
  const own = namesOf(place.id, listing.names, recipe);
  if (own.length > 1) await settle(place, listing.names, recipe);
  for (const name of own) if (name !== place.name) discard({ ...place, name });
  return listing;
}

/** For people who look into ZooKeeper. */
function dataOf(label: string | undefined): string {
  return `${HOST} ${process.pid}${label === undefined ? '' : ` ${label}`}`;
}
