import type { Claim } from '../../core/backend';

/**
 * The keys of one lock, in the order in which the scripts take them. The braces put them into one slot of a Cluster: its
 * hash tag is what stands between the first brace and the next closing one, and an empty tag would not count.
 */
export function keysOf(key: string): readonly string[] {
  const lock = key.startsWith('}') ? `}{lock}${key}}` : `{${key}}`;
  return [lock, `${lock}:shared`, `${lock}:permits`, `${lock}:queue`, `${lock}:claims`, `${lock}:fence`];
}

/** What a claim is known by in Redis: messages and the script want no spaces, and only half a character is no text. */
export function idOf({ holder, label }: Claim): string {
  return label === undefined ? holder : `${holder}:${label.replace(/[\s\p{Cs}]/gu, '_')}`;
}
