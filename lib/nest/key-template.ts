import { LockKeyError } from '../core/errors';
import { show } from '../core/show';
import type { Parameter } from './parameter-names';

/** What a template is filled from. */
interface CallSite {
  readonly args: readonly unknown[];
  /** The current request. @throws LockKeyError when there is none */
  readonly request: () => unknown;
}

/** A template that is ready to be filled. @throws LockKeyError when a part has no usable value */
type KeyTemplate = (call: CallSite) => string;

type Root = (call: CallSite) => unknown;

/**
 * Prepares `'order:{id}'`, `'order:{order.customer.id}'`, `'order:{0.id}'` or `'cart:{req.user.id}'`.
 *
 * @param where - the method, for messages: `Shop.reserve`
 * @throws LockKeyError when the template cannot be read, or names a parameter that the method does not have
 */
export function compileTemplate(
  template: string,
  { where, parameters }: { where: string; parameters: readonly Parameter[] | undefined },
): KeyTemplate {
  const fail = (what: string): never => {
    throw new LockKeyError(`The lock key ${show(template)} of ${where} ${what}`);
  };
  if (template === '') fail('is empty.');
  const [head = '', ...rest] = template.split('{');
  if (head.includes('}')) fail('has a "}" without a "{".');
  const parts = rest.map((piece) => {
    const [path = '', literal, more] = piece.split('}');
    if (literal === undefined) fail('has a "{" without a "}".');
    if (more !== undefined) fail('has a "}" without a "{".');
    const [root = '', ...properties] = path.trim().split('.');
    if (root === '' || properties.includes('')) fail(`has a part {${path}} that names nothing.`);
    const read = rootReader(root, parameters) ?? fail(unknownRoot(root, parameters));
    return { path, literal, read: (call: CallSite) => properties.reduce(property, read(call)) };
  });
  return (call) => {
    let key = head;
    for (const { path, literal, read } of parts) key += usable(read(call), path, where) + literal;
    return key;
  };
}

function rootReader(root: string, parameters: readonly Parameter[] | undefined): Root | undefined {
  const index = /^\d+$/.test(root) ? Number(root) : (parameters?.findIndex(({ name }) => name === root) ?? -1);
  if (index >= 0) {
    return parameters?.[index]?.rest && root === parameters[index].name
      ? ({ args }) => args.slice(index)
      : ({ args }) => args[index];
  }
  return root === 'req' ? ({ request }) => request() : undefined;
}

function unknownRoot(root: string, parameters: readonly Parameter[] | undefined): string {
  const byPosition = 'use the position of the parameter instead: {0}, or {0.customer.id} for a property of it.';
  if (!parameters)
    return `names "${root}", but the names of the method's parameters cannot be read here; ${byPosition}`;
  const names = parameters.flatMap(({ name }) => name ?? []);
  return (
    `names "${root}", which is no parameter of the method. ` +
    (names.length > 0 ? `Its parameters: ${names.join(', ')}. ` : 'It has no parameters with a name. ') +
    `If it has one that is destructured, renamed by a minifier or hidden by another decorator below this one, ${byPosition}`
  );
}

function property(value: unknown, name: string): unknown {
  return value === undefined || value === null ? undefined : (value as Record<string, unknown>)[name];
}

/** The value as a part of the key; whatever would make different things share a lock by accident is refused. */
function usable(value: unknown, path: string, where: string): string {
  const isText = typeof value === 'string' && value !== '';
  const isNumber = typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value));
  if (isText || isNumber || typeof value === 'boolean') return String(value);
  throw new LockKeyError(
    `Expected {${path}} in the lock key of ${where} to be a non-empty string, a number or a boolean, got ${show(value)}.`,
  );
}
