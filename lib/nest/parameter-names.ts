/** One parameter as its method declares it. */
export interface Parameter {
  /** `undefined` for a destructured one. */
  readonly name: string | undefined;
  /** Takes all arguments from its position on. */
  readonly rest: boolean;
}

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;
/** `x => …` and `async x => …`: the only list without brackets. */
const BARE_ARROW = /^(?:async\s+)?([\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*)\s*=>/u;
const REG_EXP = /\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[\n])+\//y;
const OPENING = '([{';
const CLOSING = ')]}';

/**
 * The parameters of a function, read from its source: there is no other way to know their names at run time.
 *
 * @returns `undefined` if the source is not there (native or bound functions, proxies)
 */
export function parametersOf(method: (...args: never[]) => unknown): readonly Parameter[] | undefined {
  const source = Function.prototype.toString.call(method);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) return undefined;
  const bare = BARE_ARROW.exec(source)?.[1];
  if (bare !== undefined) return [{ name: bare, rest: false }];
  const open = parameterListStart(source);
  return open === undefined ? undefined : splitParameters(source, open).map(toParameter);
}

/** Where the list begins: behind the name, which may be computed (`['a(b']`) or a string. */
function parameterListStart(source: string): number | undefined {
  for (let at = 0; at < source.length; at = skip(source, at)) {
    if (source[at] === '(') return at + 1;
    if (source[at] === '[') at = endOfBrackets(source, at);
  }
  return undefined;
}

/** The texts between the commas of the list, without comments. */
function splitParameters(source: string, start: number): string[] {
  const parts: string[] = [];
  let part = '';
  for (let at = start; at < source.length;) {
    const char = source[at]!;
    if (char === ')' || char === ',') {
      if (part.trim() !== '') parts.push(part.trim());
      if (char === ')') return parts;
      part = '';
      at++;
      continue;
    }
    const next = OPENING.includes(char) ? endOfBrackets(source, at) + 1 : skip(source, at);
    if (!isComment(source, at)) part += source.slice(at, next);
    at = next;
  }
  return parts;
}

function toParameter(text: string): Parameter {
  const rest = text.startsWith('...');
  const name = (rest ? text.slice(3) : text).split('=', 1)[0]!.trim();
  return { name: IDENTIFIER.test(name) ? name : undefined, rest };
}

/** The index of the bracket that closes the one at `at`. */
function endOfBrackets(source: string, at: number): number {
  let depth = 0;
  for (; at < source.length; at = skip(source, at)) {
    if (OPENING.includes(source[at]!)) depth++;
    else if (CLOSING.includes(source[at]!) && --depth === 0) return at;
  }
  return source.length;
}

/** The index behind the token at `at`: a comment, a string, a regular expression, or else one character. */
function skip(source: string, at: number): number {
  if (source.startsWith('//', at)) return indexAfter(source, '\n', at);
  if (source.startsWith('/*', at)) return indexAfter(source, '*/', at + 2);
  if (source[at] === '/' && /[=([{,:;?!&|>]\s*$/.test(source.slice(0, at))) {
    REG_EXP.lastIndex = at;
    if (REG_EXP.test(source)) return REG_EXP.lastIndex; // and not a division
  }
  const quote = source[at]!;
  if (quote !== '"' && quote !== "'" && quote !== '`') return at + 1;
  for (let i = at + 1; i < source.length; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === quote) return i + 1;
    else if (quote === '`' && source.startsWith('${', i)) i = endOfBrackets(source, i + 1);
  }
  return source.length;
}

function isComment(source: string, at: number): boolean {
  return source.startsWith('//', at) || source.startsWith('/*', at);
}

function indexAfter(source: string, text: string, from: number): number {
  const index = source.indexOf(text, from);
  return index < 0 ? source.length : index + text.length;
}
