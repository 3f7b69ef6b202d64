import { Inject } from '@nestjs/common';
import { LockNotReadyError } from '../core/errors';
import type { LockService } from '../core/lock-service';
import { getLockHostToken } from './lock.tokens';

/** All that a locked method asks of a `LockService`; a mock needs no clock. */
export type Locks = Pick<LockService, 'run'> & Partial<Pick<LockService, 'clock'>>;

/**
 * Stands in for the `LockService` while an application is being built: instances with locked methods depend on it
 * instead, since it depends on nothing and so closes no cycle. The service joins it when it is built.
 */
export class LockHost {
  /** `undefined` until the service is built. */
  locks: Locks | undefined;
  /** The application is over: what another one also provides may go on with that one's host. */
  isClosed = false;

  constructor(
    /** Name of the set-up that it belongs to; `undefined` for the default one. */
    readonly instance?: string,
  ) {}
}

/**
 * Which instance may use which hosts, by host token: the first that is not closed. Instances themselves carry nothing, and
 * may be frozen.
 */
const hosts = new WeakMap<object, Map<symbol, readonly LockHost[]>>();

/** Makes Nest hand the `LockHost` to every instance of the class that it creates. */
export function requireHost(prototype: object, instance: string | undefined): void {
  const token = getLockHostToken(instance);
  if (token in prototype) return;
  Object.defineProperty(prototype, token, {
    configurable: true,
    get(this: object) {
      return hostOf(this, instance);
    },
    set(this: object, host: LockHost) {
      attachHost(this, host);
    },
  });
  Inject(token)(prototype, token);
}

/** Lets the locked methods of the object use the host, and no other. */
export function attachHost(object: object, host: LockHost): void {
  setHosts(object, getLockHostToken(host.instance), [host]);
}

/** Lets the locked methods of the object use the host when those that it was given before are closed. */
export function addHost(object: object, host: LockHost): void {
  const token = getLockHostToken(host.instance);
  const others = hosts.get(object)?.get(token) ?? [];
  setHosts(object, token, [...others.filter((other) => other !== host && !other.isClosed), host]);
}

function setHosts(object: object, token: symbol, list: readonly LockHost[]): void {
  const ofObject = hosts.get(object) ?? new Map<symbol, readonly LockHost[]>();
  hosts.set(object, ofObject.set(token, list));
}

/**
 * Lets the decorated methods of an object that Nest did not create use this `LockService`: in unit tests, or after
 * `new Service()` by hand. A mock with a `run` method suffices.
 *
 * @param instance - name of the set-up that the decorator asks for; default: the default one
 * @returns the object
 * @example
 * const service = attachLocks(new TicketService(), locks);
 */
export function attachLocks<T extends object>(object: T, locks: Locks, instance?: string): T {
  const host = new LockHost(instance);
  host.locks = locks;
  attachHost(object, host);
  return object;
}

/** The host that the object was given, or the one that it was made from with `Object.create`. */
function hostOf(object: object, instance: string | undefined): LockHost | undefined {
  const token = getLockHostToken(instance);
  for (let level: object | null = object; level; level = Object.getPrototypeOf(level) as object | null) {
    const list = hosts.get(level)?.get(token);
    if (list) return list.find((host) => !host.isClosed) ?? list[0];
  }
  return undefined;
}

/** Through a Proxy whose `get` answers with `target[property]`, the accessor is read of the real instance. */
function hostBehind(self: object, instance: string | undefined): LockHost | undefined {
  const host: unknown = Reflect.get(self, getLockHostToken(instance));
  return host instanceof LockHost ? host : undefined;
}

/** The locks that a method of the object has to use. @throws LockNotReadyError */
export function locksOf(self: unknown, method: string, instance: string | undefined): Locks {
  const isObject = typeof self === 'object' && self !== null;
  const host = isObject ? (hostOf(self, instance) ?? hostBehind(self, instance)) : undefined;
  if (host?.locks) return host.locks;
  throw new LockNotReadyError(`${method} was not run, because its lock cannot be taken: ${why(isObject, host)}`);
}

function why(isObject: boolean, host: LockHost | undefined): string {
  if (host) {
    return (
      'its LockService is not built yet. Call it from onModuleInit or later, not from a constructor or a factory ' +
      'that the options of LockModule depend on.'
    );
  }
  if (!isObject) return 'it was called without its instance. Call it as a method, or bind it.';
  return (
    'Nest did not create this instance, or is still in its constructor, or a Proxy hides the instance. ' +
    'Provide the class to Nest, with LockModule.forRoot() in the root module; ' +
    'for an instance made by hand call attachLocks(instance, locks) from nestlock/testing. ' +
    '(What a static useFactory or useValue provides is attached when the modules are initialised.) ' +
    'Let a Proxy call methods on its target, or its "get" return target[property].'
  );
}
