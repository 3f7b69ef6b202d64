import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import type { LockHost } from './lock-host';
import { addHost } from './lock-host';
import { LOCKED_BY, getLockHostToken } from './lock.tokens';

/** Gives the host to the instances with locked methods that Nest got from `useFactory` or `useValue`, ready-made. */
export function attachProvided(modules: ModulesContainer, host: LockHost): void {
  for (const instance of instancesWith(modules, host)) addHost(instance, host);
}

/** Warns of locked methods that a subclass has overridden without a decorator of its own: those calls are not locked. */
export function warnOfUnlockedOverrides(modules: ModulesContainer, host: LockHost): void {
  const classes = new Set(
    [...instancesWith(modules, host)].map((instance) => Object.getPrototypeOf(instance) as object),
  );
  for (const prototype of classes) {
    for (const { method, base } of unlockedOverrides(prototype, getLockHostToken(host.instance))) {
      new Logger('LockModule').warn(
        `${nameOf(prototype)}.${String(method)} overrides the locked ${nameOf(base)}.${String(method)} and is not locked ` +
          'itself. Decorate it as well, or rename it.',
      );
    }
  }
}

function* instancesWith(modules: ModulesContainer, host: LockHost): Generator<object> {
  const token = getLockHostToken(host.instance);
  for (const { providers, controllers, injectables } of modules.values()) {
    for (const collection of [providers, controllers, injectables]) {
      for (const wrapper of collection.values()) {
        const instance: unknown = wrapper.instance;
        if (typeof instance === 'object' && instance !== null && token in instance) yield instance;
      }
    }
  }
}

/** Those that have taken the place of a method that this host locks; the nearest one counts. */
function* unlockedOverrides(prototype: object, hostToken: symbol): Generator<{ method: PropertyKey; base: object }> {
  const unlocked = new Set<PropertyKey>();
  const locked = new Set<PropertyKey>();
  for (let level: object | null = prototype; level && level !== Object.prototype; level = parent(level)) {
    for (const method of Reflect.ownKeys(level)) {
      const lockedBy: unknown = Reflect.getOwnMetadata(LOCKED_BY, level, method);
      if (lockedBy === undefined) {
        unlocked.add(method);
      } else if (!locked.has(method)) {
        locked.add(method);
        if (lockedBy === hostToken && unlocked.has(method)) yield { method, base: level };
      }
    }
  }
}

function parent(level: object): object | null {
  return Object.getPrototypeOf(level) as object | null;
}

function nameOf(prototype: object): string {
  return (prototype as { constructor: { name: string } }).constructor.name;
}
