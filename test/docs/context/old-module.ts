/** A decorator that wraps the method, as those of other modules do. What it does is up to `oldLock`. */
export function OldLock(name: string) {
  return (_target: object, _property: string, descriptor: PropertyDescriptor): void => {
    const method = descriptor.value as (...args: unknown[]) => Promise<unknown>;
    descriptor.value = function (this: unknown, ...args: unknown[]) {
      return oldLock.run(`${name}:${String(args[0])}`, () => method.apply(this, args));
    };
  };
}

export const oldLock = { run: (_key: string, work: () => Promise<unknown>): Promise<unknown> => work() };
