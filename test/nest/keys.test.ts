import { Injectable } from '@nestjs/common';
import { DistributedLock, LockKeyError, LockService } from 'nestlock';
import { attachLocks } from 'nestlock/testing';
import { SpyBackend, errorOf, thrownBy } from './support';

interface Customer {
  id?: unknown;
}

/** What a method's callers ask the backend for. */
async function keysOf(key: unknown, parameters: string, args: unknown[], fields: object = {}): Promise<string[]> {
  const backend = new SpyBackend();
  const Class = new Function(`return class Target { async m(${parameters}) {} }`)() as new () => { m: any };
  const descriptor = Object.getOwnPropertyDescriptor(Class.prototype, 'm')!;
  (DistributedLock as any)(key)(Class.prototype, 'm', descriptor);
  Object.defineProperty(Class.prototype, 'm', descriptor);
  const instance = attachLocks(Object.assign(new Class(), fields), new LockService({ backend, prefix: '' }));
  try {
    await instance.m(...args);
  } finally {
    asked = backend.claims.length;
  }
  return backend.claims.map((claim) => claim.key);
}

let asked = 0;

const order = { id: 7, customer: { id: 'c9' }, lines: [{ sku: 's1' }] };

it.each<[string, unknown, string, unknown[], string[]]>([
  ['a name', 'order:{id}', 'id', ['7'], ['order:7']],
  ['several names', '{a}-{b}:{a}', 'a, b', [1, 2], ['1-2:1']],
  ['a path', 'c:{order.customer.id}', 'order', [order], ['c:c9']],
  ['an index in a path', '{order.lines.0.sku}', 'order', [order], ['s1']],
  ['a position', 'c:{0.customer.id}:{1}', 'a, b', [order, 'x'], ['c:c9:x']],
  ['a position past the list', '{1}', '', ['a', 'b'], ['b']],
  ['spaces', '{ id }', 'id', ['7'], ['7']],
  ['no parts', 'all', '', [], ['all']],
  ['a number, a bigint, a boolean, zero', '{a}{b}{c}{d}', 'a, b, c, d', [1.5, 2n, false, 0], ['1.52false0']],
  ['a parameter behind a destructured one', '{b}', '{ a }, b', [{ a: 1 }, 'x'], ['x']],
  ['a rest parameter', '{ids.1}', 'a, ...ids', ['a', 'b', 'c'], ['c']],
  ['a parameter with a default that is given', '{a}', 'a = "x"', ['y'], ['y']],
  ['a parameter named req', '{req.id}', 'req', [{ id: 'mine' }], ['mine']],
  ['several templates', ['b:{id}', 'a:{id}', 'b:{id}'], 'id', ['1'], ['a:1', 'b:1']],
  ['a function', (o: typeof order) => `f:${o.customer.id}`, 'order', [order], ['f:c9']],
  ['a function of all arguments', (...all: unknown[]) => all.join(), 'a', ['x', 'y'], ['x,y']],
  ['a function with several keys', (a: string, b: string) => [b, a], 'a, b', ['x', 'y'], ['x', 'y']],
])('%s', async (_, key, parameters, args, expected) => {
  expect(await keysOf(key, parameters, args)).toEqual(expected);
});

it('calls a key function with the instance as this', async () => {
  const key = function (this: { tenant: string }, id: string) {
    return `${this.tenant}:${id}`;
  };
  expect(await keysOf(key, 'id', ['7'], { tenant: 't' })).toEqual(['t:7']);
});

describe('a part without a usable value is a LockKeyError before any backend is asked:', () => {
  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['""', ''],
    ['an object', {}],
    ['an array of 1', ['a']],
    ['an instance of Date', new Date()],
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['a function', () => 1],
    ['Symbol(s)', Symbol('s')],
  ])('%s', async (shown, value) => {
    const error = await errorOf(keysOf('k:{customer.id}', 'customer', [{ id: value } satisfies Customer]));
    expect(error).toBeInstanceOf(LockKeyError);
    expect(error.message).toContain(
      'Expected {customer.id} in the lock key of Target.m to be a non-empty string, a number or a boolean, got ',
    );
    expect(error.message).toContain(shown === 'a function' ? 'function' : shown);
    expect(asked).toBe(0);
  });

  it.each<[string, unknown, unknown[]]>([
    ['a missing argument', '{a}', []],
    ['a path through undefined', '{a.b.c}', [{}]],
    ['a path through a number', '{a.b.c}', [5]],
    ['a default that the caller left out', '{a}', [undefined]],
    ['a function that returns undefined', () => undefined, []],
    ['a function that returns ""', () => '', []],
    ['a function that returns a number', () => 7, []],
    ['a function that returns no keys', () => [], []],
    ['a function that returns a list with a hole', () => ['a', undefined], []],
    ['a function that returns a promise', async () => 'k', []],
    ['a very long key', '{a}', ['x'.repeat(2_000)]],
  ])('%s', async (_, key, args) => {
    expect(await errorOf(keysOf(key, 'a', args))).toBeInstanceOf(LockKeyError);
    expect(asked).toBe(0);
  });

  it('and what a key function throws is passed on', async () => {
    const error = new TypeError('mine');
    const thrown = await errorOf(
      keysOf(
        () => {
          throw error;
        },
        '',
        [],
      ),
    );
    expect(thrown).toBe(error);
    expect(asked).toBe(0);
  });
});

describe('a template that cannot work is refused when the class is defined', () => {
  it.each<[string, string, string]>([
    ['{orderId}', 'id', 'names "orderId", which is no parameter of the method. Its parameters: id.'],
    ['{id}', '', 'It has no parameters with a name.'],
    ['{a}', '{ a }', 'use the position of the parameter instead: {0}, or {0.customer.id}'],
    ['{id}', 'e', 'renamed by a minifier'],
    ['order:{id', 'id', 'has a "{" without a "}".'],
    ['order:id}', 'id', 'has a "}" without a "{".'],
    ['{id}}', 'id', 'has a "}" without a "{".'],
    ['{{id}}', 'id', 'has a "{" without a "}".'],
    ['{}', 'id', 'names nothing'],
    ['{id.}', 'id', 'names nothing'],
    ['{id..x}', 'id', 'names nothing'],
    ['{-1}', 'id', 'names "-1"'],
    ['{constructor}', 'id', 'names "constructor"'],
  ])('%s of m(%s)', (key, parameters, message) => {
    const Class = new Function(`return class Target { async m(${parameters}) {} }`)() as new () => object;
    const error = thrownBy(() => (DistributedLock as any)(key)(Class.prototype, 'm'));
    expect(error).toBeInstanceOf(LockKeyError);
    expect(error.message).toContain(`The lock key "${key}" of Target.m`);
    expect(error.message).toContain(message);
  });

  it('also below another decorator that wraps, with the form that works there', async () => {
    const Wrap: MethodDecorator = (_target, _property, descriptor: any) => {
      const inner = descriptor.value as () => unknown;
      descriptor.value = function (this: unknown, ...args: unknown[]) {
        return Reflect.apply(inner, this, args);
      };
    };
    const error = thrownBy(() => {
      class Target {
        @DistributedLock('{id}')
        @Wrap
        async m(id: string) {
          return id;
        }
      }
      return Target;
    });
    expect(error.message).toContain(
      'hidden by another decorator below this one, use the position of the parameter instead: {0}',
    );

    @Injectable()
    class Works {
      @DistributedLock('{0}')
      @Wrap
      async m(id: string) {
        return id;
      }

      @Wrap
      @DistributedLock('{id}')
      async n(id: string) {
        return id;
      }
    }
    const backend = new SpyBackend();
    const works = attachLocks(new Works(), new LockService({ backend, prefix: '' }));
    expect([await works.m('a'), await works.n('b')]).toEqual(['a', 'b']);
    expect(backend.claims.map((claim) => claim.key)).toEqual(['a', 'b']);
  });

  it('where names cannot be read at all, it says so', () => {
    const descriptor = { value: Math.max.bind(null), writable: true, configurable: true };
    const error = thrownBy(() => (DistributedLock as any)('{id}')({}, 'm', descriptor));
    expect(error.message).toContain("the names of the method's parameters cannot be read here; use the position");
  });

  it('reads names through another lock', () => {
    class Target {
      @DistributedLock('{b}')
      @DistributedLock('{a}')
      async m(a: string, b: string) {
        return a + b;
      }
    }
    expect(Target.name).toBe('Target');
  });
});
