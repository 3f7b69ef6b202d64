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
 * Several nodes may be the claim's, if answers were lost or the same holder has asked before: the first one counts. Resolves
 * with the others. A node of an earlier session does not count, since it is about to vanish.
 */
export async function settle(place: Place, names: readonly string[], recipe: Recipe): Promise<readonly string[]> {
  const own: string[] = [];
  for (const name of namesOf(place.id, names, recipe))
    if (await place.session.requests.isOurs(join(place.parent, name))) own.push(name);
  place.name = own.shift();
  place.isUncertain = false;
  return own;
}
