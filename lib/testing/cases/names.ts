import { MAX_KEY_LENGTH } from '../../core/key';
import type { CaseScript, Scene } from './scene';

/** Names that some stores take for one another: all of a group are locks of their own. */
const GROUPS: Readonly<Record<string, (scene: Scene) => readonly string[]>> = {
  'upper and lower case': after('Order', 'order', 'ORDER', 'straße', 'STRASSE', 'ı', 'i', 'İ'),
  'spaces, in front, inside, behind': after('a', 'a ', 'a  ', ' a', 'a b', 'a  b'),
  'tabs, line breaks and other control characters': after(
    'ab',
    'a\tb',
    'a\nb',
    'a\r\nb',
    'a\u0000b',
    'a\u0001b',
    'ab\u0000',
  ),
  'names that begin like others': after('', '1', '10', '100', '1-'),
  slashes: after('a/b', 'a//b', 'a', 'a/', '/a', '/a/', 'a\\b'),
  'dots that mean folders elsewhere': after('/a/../b', '/b', '/a/./b', '/a/b', '..', '.'),
  'braces that mean hash tags elsewhere': after('{a}', '{a}b', '{b}', 'a', '{}', '{', '}', '{}a'),
  'colons, and what backends put behind names': after('', ':', ':shared', ':queue', ':fence', ':holders', '-lock-0'),
  'percent signs and escapes': after('a%2Fb', 'a/b', 'a%252Fb', 'a%b', 'a%20b', 'a b', 'a+b', 'a_b'),
  'quotes, wildcards and SQL': after("'", '"', '`', "''", "'; --", '%', '_', '*', '?', '[a]', '$1', '\\'),
  'Unicode that looks alike': after('é', 'e\u0301', 'e', 'ＡＢＣ', 'ABC', 'a\u200bb', 'ab', '𝔸', '😀', '😁'),
  'long names that differ at their end': (scene) =>
    ['x', 'xy', '漢', '😀'].flatMap((letter) => [
      fill(scene.keyOf(''), letter, 'a'),
      fill(scene.keyOf(''), letter, 'b'),
    ]),
  'names that are nothing else': () => ['.', '..', '...', '/', ' ', '{}', ':', '%'],
};

/** @internal Every string is a name, and different strings are different locks. */
export const nameCases: readonly CaseScript[] = Object.entries(GROUPS).map(([what, names]) => ({
  name: `different locks: ${what}`,
  needs: ['acquire'],
  async play(scene) {
    const [a, b] = await scene.connectAll(2);
    const held = [];
    for (const key of names(scene)) held.push(await scene.get(a!, { key }));
    for (const key of names(scene)) await scene.refused(b!, { key });
    await scene.free(...held);
  },
}));

function after(...suffixes: readonly string[]): (scene: Scene) => readonly string[] {
  return (scene) => suffixes.map((suffix) => scene.keyOf(suffix));
}

/** A name as long as names may be. */
function fill(start: string, letters: string, end: string): string {
  const room = MAX_KEY_LENGTH - start.length - end.length;
  return start + letters.repeat(room / letters.length) + end;
}
