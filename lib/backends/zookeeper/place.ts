import type { Recipe } from './contenders';
import { namesOf } from './contenders';
import { Code } from './client';
import { hasCode } from './failures';
import { join } from './paths';
import type { Listing } from './requests';
import type { Session } from './session';

/** Where a claim has its node, or may have one. It ends with its session. */
export interface Place {
  readonly session: Session;
  /** What the node is found by when the answer to its creation was lost. */
  readonly id: string;
  /** The lock's node. */
  readonly parent: string;
  /** What the claim's node is called, if that is known. */
  name: string | undefined;
  /** It was asked for, and whether it was made is not known. */
  isUncertain: boolean;
}

/** Finds out whether the node was made. Resolves with what was seen; `undefined` if it was not made. @throws ZooKeeperError */
export async function findOwn(place: Place, { recipe }: { recipe: Recipe }): Promise<Listing | undefined> {
  const { session, parent, id } = place;
  const { requests } = session;
  try {
    await requests.sync(parent);
    const listing = await requests.children(parent);
    for (const name of namesOf(id, listing.names, recipe)) {
      if (!(await requests.isOurs(join(parent, name)))) continue;
      place.name = name;
      place.isUncertain = false;
      return listing;
    }
  } catch (error) {
    if (!hasCode(error, Code.noNode)) throw error;
  }
  place.isUncertain = false;
  return undefined;
}
