import { Code } from './client';
import type { Recipe } from './contenders';
import { namesOf } from './contenders';
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
export async function lookFor(place: Place, recipe: Recipe): Promise<Listing | undefined> {
  const { requests } = place.session;
  try {
    await requests.sync(place.parent);
    const listing = await requests.children(place.parent);
    await settle(place, listing.names, recipe);
    if (place.name !== undefined) return listing;
  } catch (error) {
    if (!hasCode(error, Code.noNode)) throw error;
  }
  place.isUncertain = false;
  return undefined;
}

/**
 * Several nodes may be the claim's, if answers were lost or the same holder has asked before: the first one counts. One of
 * an earlier session does not, since it is about to vanish.
 */
export async function settle(place: Place, names: readonly string[], recipe: Recipe): Promise<void> {
  const { requests } = place.session;
  place.name = undefined;
  for (const name of namesOf(place.id, names, recipe)) {
    const isOurs = requests.isOurs(join(place.parent, name)).catch((error: unknown) => {
      if (hasCode(error, Code.noNode)) return false;
      throw error;
    });
    if (!(await isOurs)) continue;
    place.name = name;
    break;
  }
  place.isUncertain = false;
}
