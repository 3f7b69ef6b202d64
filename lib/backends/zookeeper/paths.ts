/**
 * What ZooKeeper does not take in a name: control characters, surrogates (and so all beyond 16 bits), private and
 * non-characters. https://zookeeper.apache.org/doc/current/zookeeperProgrammers.html#ch_zkDataModel
 */
const UNFIT = '\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\uf8ff\\ufff0-\\u{10ffff}';
const UNFIT_IN_PATH = new RegExp(`[${UNFIT}]`, 'u');
const UNFIT_IN_KEY = new RegExp(`[%/${UNFIT}]`, 'gu');

/** Where sessions keep what proves them, below the root: a name that no key has. */
const HEARTBEATS = '%sessions';

/**
 * The key as a name of a node. Slashes, percent signs and what ZooKeeper does not take become the bytes of their UTF-8, in
 * hexadecimal behind percent signs; so do the dots of `.` and `..`.
 */
export function nodeNameOf(key: string): string {
  if (key === '.' || key === '..') return key.replaceAll('.', '%2E');
  return key.replace(UNFIT_IN_KEY, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

/** What is wrong with a path, as the end of a sentence; `undefined` if it can be used. */
export function faultOf(path: string): string | undefined {
  if (!path.startsWith('/')) return 'which does not begin with a slash';
  if (path === '/') return undefined;
  const names = path.split('/').slice(1);
  if (names.includes('')) return 'which has a slash too many';
  if (names.includes('.') || names.includes('..')) return 'and ZooKeeper does not know "." and ".."';
  if (UNFIT_IN_PATH.test(path)) return 'which has characters that ZooKeeper does not take';
  if (names[0] === 'zookeeper') return 'and ZooKeeper keeps "/zookeeper" for itself';
  return undefined;
}

/** @param parent - may be the root of everything */
export function join(parent: string, name: string): string {
  return parent === '/' ? `/${name}` : `${parent}/${name}`;
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** Whether it is the root, or below it. */
export function isBelow(root: string, path: string): boolean {
  return path === root || path.startsWith(join(root, ''));
}

/** The node that a session writes to. */
export function heartbeatPath(root: string, sessionId: string): string {
  return join(join(root, HEARTBEATS), sessionId);
}
