import { parametersOf } from '../../lib/nest/parameter-names';

/** The method `m` of a class with this body, compiled by nobody. */
function method(source: string, name: PropertyKey = 'm'): (...args: never[]) => unknown {
  const Class = new Function(`return class { ${source} }`)() as new () => object;
  return (Class.prototype as Record<PropertyKey, () => unknown>)[name]!;
}

function namesOf(subject: (...args: never[]) => unknown): string {
  const parameters = parametersOf(subject);
  return parameters ? parameters.map(({ name, rest }) => (rest ? '...' : '') + (name ?? '?')).join(' ') : 'unreadable';
}

it.each<[string, string, string]>([
  ['none', 'm() {}', ''],
  ['one', 'm(a) {}', 'a'],
  ['several', 'async m(a, $b, _c) {}', 'a $b _c'],
  ['a trailing comma', 'm(a, b,) {}', 'a b'],
  ['not ASCII', 'm(größe, 数) {}', 'größe 数'],
  ['over lines', 'async m(\n  a,\n  b,\n) {}', 'a b'],
  ['defaults', 'm(a = 1, b = "x", c = a) {}', 'a b c'],
  ['a default with commas', 'm(a = [1, 2], b = { c: 1, d: 2 }, e = f(1, 2)) {}', 'a b e'],
  ['a default that is a function', 'm(a = (x, y) => (x, y), b = function (c, d) { return `)`; }) {}', 'a b'],
  ['a default that is a class', 'm(a = class { n(x, y) {} }, b) {}', 'a b'],
  ['nested defaults', 'm({ a = { b: [1, 2] } } = {}, [c, d] = [1, 2], e) {}', '? ? e'],
  ['destructuring', 'm({ a, b: { c } }, [d, e], f) {}', '? ? f'],
  ['rest', 'm(a, ...others) {}', 'a ...others'],
  ['destructured rest', 'm(a, ...[b, c]) {}', 'a ...?'],
  ['strings', `m(a = ",)", b = '\\'),(', c) {}`, 'a b c'],
  ['template literals', 'm(a = `,)${[1, ")"].join(`,${"}"})`)},`, b) {}', 'a b'],
  ['comments', 'm(/* x, y) */ a, // b, c)\n d /* = */ = 1) {}', 'a d'],
  ['a comment before the list', 'async /* (x) */ m /* (y) */ (a) {}', 'a'],
  ['a comparison', 'm(a = 1 > 2, b = 1 === 2, c) {}', 'a b c'],
  ['a division', 'm(a = 6 / 2 / 1, b = (4) / 2, c) {}', 'a b c'],
  ['a regular expression', 'm(a = /[,)/]\\/,/g, b = [/\\)/, 1], c) {}', 'a b c'],
  ['a generator', '*m(a, b) {}', 'a b'],
])('%s', (_, source, expected) => {
  expect(namesOf(method(source))).toBe(expected);
});

it.each<[string, string, PropertyKey]>([
  ['a computed name', '["a(b, c"](d, e) {}', 'a(b, c'],
  ['a name that is a string', '"a(b"(d, e) {}', 'a(b'],
  ['a computed name with brackets', '[["x"].concat("(y)")[0]](d, e) {}', 'x'],
  ['a number', '7(d, e) {}', 7],
  ['a well-known symbol', '[Symbol.iterator](d, e) {}', Symbol.iterator],
])('behind %s', (_, source, name) => {
  expect(namesOf(method(source, name))).toBe('d e');
});

it('of functions and arrows, which other decorators put in the place of a method', () => {
  expect(namesOf(new Function('return function (a, b) {}')())).toBe('a b');
  expect(namesOf(new Function('return (a, b) => a(b, c)')())).toBe('a b');
  expect(namesOf(new Function('return async (a) => other(b)')())).toBe('a');
  expect(namesOf(new Function('return a => other(b, c)')())).toBe('a');
  expect(namesOf(new Function('return async $a => other(b, c)')())).toBe('$a');
  expect(namesOf(((...args: never[]) => args) as any)).toBe('...args');
});

it('not of what has no source', () => {
  expect(namesOf(Math.max as any)).toBe('unreadable');
  expect(namesOf(method('m(a) {}').bind({}))).toBe('unreadable');
  expect(namesOf(new Proxy(method('m(a) {}'), {}))).toBe('unreadable');
});

it('of a method whose body mentions native code', () => {
  expect(namesOf(method('m(a) { return "{ [native code] }"; }'))).toBe('a');
  expect(namesOf(method('m(a) { [native, code] }'))).toBe('a');
});
