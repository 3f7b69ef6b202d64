import { LockConfigError, LockKeyError } from '../core/errors';
import type { LockKey } from '../core/key';
import { show } from '../core/show';
import { compileTemplate } from './key-template';
import { parametersOf } from './parameter-names';
import { RequestContext } from './request-context';

/** The key (or keys) of one call. @throws LockKeyError */
export type KeyOf = (self: unknown, args: readonly unknown[]) => LockKey;

export type AnyMethod = (this: unknown, ...args: unknown[]) => unknown;

/** Methods behind the proxies that stand in for them, whose source does not show parameters. */
const originals = new WeakMap<AnyMethod, AnyMethod>();

/** Remembers what stands behind a proxy. */
export function rememberOriginal(proxy: AnyMethod, original: AnyMethod): void {
  originals.set(proxy, originals.get(original) ?? original);
}

/**
 * Prepares the key of a locked method, whatever its form.
 *
 * @throws LockKeyError, LockConfigError when it cannot work
 */
export function compileKey(key: unknown, method: AnyMethod, where: string): KeyOf {
  if (typeof key === 'function') {
    return (self, args) => Reflect.apply(key, self, args) as LockKey;
  }
  const parameters = parametersOf(originals.get(method) ?? method);
  const compile = (template: unknown) => {
    if (typeof template === 'string') return compileTemplate(template, { where, parameters });
    throw new LockConfigError(
      `Expected the key of ${where} to be a string, strings or a function, got ${show(template)}`,
    );
  };
  if (Array.isArray(key)) {
    if (key.length === 0) throw new LockKeyError(`Expected the key of ${where} to be at least one, got [].`);
    const templates = key.map(compile);
    return (_, args) => templates.map((template) => template({ args, request: currentRequest }));
  }
  const template = compile(key);
  return (_, args) => template({ args, request: currentRequest });
}

function currentRequest(): unknown {
  const context = RequestContext.current();
  if (context) return context.request;
  throw new LockKeyError(
    'A {req.…} lock key was used outside of a request. It works in route handlers, resolvers and what they call; below ' +
      'gateways and message handlers of hybrid applications put @UseInterceptors(LockInterceptor) on the handler; for ' +
      "fields of GraphQL give GraphQLModule the option fieldResolverEnhancers: ['interceptors'].",
  );
}
