import { Injectable, NotFoundException, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { DistributedLock, LockConfigError } from 'nestlock';
import { POSITIONS, arrange, boot, errorOf, thrownBy, withBackend } from './support';

const Tag = Reflector.createDecorator<string>();

/** Leaves something of its own on the method. */
const Mark: MethodDecorator = (_target, _property, descriptor) => {
  Object.assign(descriptor.value as object, { mark: 'own property' });
};

function serviceAt(position: (typeof POSITIONS)[number]) {
  const [upper, lower] = arrange(
    position,
    DistributedLock('key:{first}', { waitTimeout: 0 }),
    SetMetadata('plain', 1),
    Tag('tagged'),
    Mark,
  );

  @Injectable()
  class Service {
    @upper
    @lower
    async work(first: unknown, ...others: unknown[]): Promise<unknown> {
      if (first === 'fail') throw others[0];
      return { self: this, given: [first, ...others] };
    }
  }
  return Service;
}

describe.each(POSITIONS)('a method with the lock %s', (position) => {
  const Service = serviceAt(position);

  it('passes for itself: name, length, own properties, metadata', () => {
    const method = Service.prototype.work;
    expect(method.name).toBe('work');
    expect(method).toHaveLength(1);
    expect((method as unknown as { mark: string }).mark).toBe('own property');
    expect(Reflect.getMetadata('plain', method)).toBe(1);
    expect(new Reflector().get(Tag, method)).toBe('tagged');
    expect(Reflect.getMetadata('design:paramtypes', Service.prototype, 'work')).toEqual([Object, Array]);
    expect(Object.getOwnPropertyDescriptor(Service.prototype, 'work')).toMatchObject({
      enumerable: false,
      writable: true,
      configurable: true,
    });
  });

  it('gets its this and its arguments, and gives its result, as they are', async () => {
    const service = (await boot({ imports: [withBackend().locks], providers: [Service] })).get(Service);
    const given = ['a', {}, undefined];
    const answer = (await service.work(given[0], ...given.slice(1))) as { self: unknown; given: unknown[] };
    expect(answer.self).toBe(service);
    expect(answer.given).toHaveLength(3);
    expect(answer.given[1]).toBe(given[1]);
    expect(Object.keys(service)).toEqual([]);
    expect(Object.getOwnPropertySymbols(service)).toEqual([]);
  });

  it.each([new NotFoundException(), new Error('mine'), 'a string', undefined, null])(
    'throws %p as it is',
    async (error) => {
      const service = (await boot({ imports: [withBackend().locks], providers: [Service] })).get(Service);
      expect(await errorOf(service.work('fail', error))).toBe(error);
    },
  );
});

it('works on frozen instances', async () => {
  @Injectable()
  class Frozen {
    @DistributedLock('frozen')
    async work() {
      return 'done';
    }
  }
  const app = await boot({
    imports: [withBackend().locks],
    providers: [{ provide: Frozen, useFactory: () => Object.freeze(new Frozen()) }],
  });
  expect(await app.get(Frozen).work()).toBe('done');
});

describe('what cannot be locked is refused when the class is defined:', () => {
  const define = (property: string, descriptor: PropertyDescriptor, type?: unknown) => () => {
    class Target {}
    Object.defineProperty(Target.prototype, property, descriptor);
    if (type) Reflect.defineMetadata('design:returntype', type, Target.prototype, property);
    (DistributedLock('k') as any)(Target.prototype, property, descriptor);
  };
  const method = { value() {}, configurable: true };

  it.each<[string, () => void, string]>([
    [
      'an accessor',
      define('m', { get: () => 1, configurable: true }),
      'Target.m is an accessor; @DistributedLock is for methods.',
    ],
    ['a value', define('m', { value: 7, configurable: true }), 'Target.m is 7; @DistributedLock is for methods.'],
    [
      'a string result',
      define('m', method, String),
      'Target.m must return a promise or an Observable to be locked. Make it async.',
    ],
    ['a number result', define('m', method, Number), 'Make it async.'],
    ['a boolean result', define('m', method, Boolean), 'Make it async.'],
    ['an array result', define('m', method, Array), 'Make it async.'],
    ['a generator', define('m', { *value() {}, configurable: true }), 'Target.m is a generator'],
    ['an async generator', define('m', { async *value() {}, configurable: true }), 'Target.m is a generator'],
    [
      'a static method',
      () => {
        class Target {
          static m() {}
        }
        (DistributedLock('k') as any)(Target, 'm', Object.getOwnPropertyDescriptor(Target, 'm'));
      },
      'Target.m is static; @DistributedLock is for instance methods.',
    ],
    [
      'a property',
      () => (DistributedLock('k') as any)(class Target {}.prototype, 'p'),
      'Target.p is a property; @DistributedLock is for methods.',
    ],
    [
      'a decorator of the other kind',
      () => (DistributedLock('k') as any)(() => {}, { kind: 'method', name: 'm' }),
      '"experimentalDecorators"',
    ],
  ])('%s', (_, act, message) => {
    const error = thrownBy(act);
    expect(error).toBeInstanceOf(LockConfigError);
    expect(error.message).toContain(message);
  });
});

describe('options of the decorator are checked when the class is defined:', () => {
  it.each<[string, unknown[], string]>([
    ['ttl', ['k', { ttl: '5 parsecs' }], 'Expected "ttl" to be a duration of at least 100 ms, got "5 parsecs"'],
    ['waitTimeout', ['k', { waitTimeout: -1 }], 'Expected "waitTimeout" to be a duration of at least 0 ms, got -1'],
    ['onBusy', ['k', { onBusy: 'retry' }], 'Expected "onBusy" to be "throw", "skip" or a function, got "retry"'],
    ['returns', ['k', { returns: 'value' }], 'Expected "returns" to be "promise" or "observable", got "value"'],
    ['instance', ['k', { instance: '' }], 'Expected "instance" to be a non-empty string, got ""'],
    ['an unknown one', ['k', { timeout: 1 }], 'Unknown option "timeout" of @DistributedLock.'],
    ['a misspelt one', ['k', { waitTimeOut: 1 }], 'Did you mean "waitTimeout"?'],
    ['signal', ['k', { signal: AbortSignal.abort() }], 'Unknown option "signal" of @DistributedLock.'],
    ['no options object', ['k', 5], 'Expected the options of @DistributedLock to be an object, got 5.'],
    ['both forms', [{ key: 'k' }, {}], 'got both'],
    ['no key', [{}], 'got undefined'],
    ['no arguments', [], 'got undefined'],
    ['an empty key', [''], 'is empty'],
    ['no keys', [[]], 'to be at least one, got []'],
    ['a number as key', [7], 'to be a string, strings or a function, got 7'],
    [
      'minHold',
      ['k', { minHold: '5s', maxHold: '1s' }],
      'Expected "minHold" to be at most "maxHold" (1000 ms), got "5s"',
    ],
  ])('%s', (_, args, message) => {
    const error = thrownBy(() => {
      class Target {
        @((DistributedLock as any)(...args))
        async m() {}
      }
      return Target;
    });
    expect(error.message).toContain(message);
    expect(error.code).toMatch(/LOCK_(CONFIG|KEY)/);
  });
});
