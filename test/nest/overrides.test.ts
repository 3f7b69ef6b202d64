import { Injectable, Scope } from '@nestjs/common';
import { DistributedLock } from 'nestlock';
import { boot, log, withBackend } from './support';

class Base {
  @DistributedLock('base')
  async work(): Promise<string> {
    return 'base';
  }

  async free() {}
}

const overrideWarnings = () => log.warnings.filter((warning) => warning.includes('overrides'));

async function warningsOf(...providers: any[]): Promise<string[]> {
  await boot({ imports: [withBackend().locks, withBackend({ instance: 'other' }).locks], providers });
  return overrideWarnings();
}

const text = (child: string, base: string) =>
  `${child}.work overrides the locked ${base}.work and is not locked itself. Decorate it as well, or rename it.`;

it('warns of an override without a lock, once', async () => {
  class Child extends Base {
    override async work() {
      return 'child';
    }
  }
  expect(await warningsOf(Child, { provide: 'second', useClass: Child })).toEqual([text('Child', 'Base')]);
});

it('warns of request-scoped and ready-made ones too', async () => {
  @Injectable({ scope: Scope.REQUEST })
  class Scoped extends Base {
    override async work() {
      return 'scoped';
    }
  }
  class Made extends Base {
    override async work() {
      return 'made';
    }
  }
  const warnings = await warningsOf(Scoped, { provide: Made, useFactory: () => new Made() });
  expect(warnings.sort()).toEqual([text('Made', 'Base'), text('Scoped', 'Base')]);
});

it('says nothing of locked overrides, inherited methods and methods that never were locked', async () => {
  class Inherits extends Base {
    override async free() {}
  }
  class Locked extends Base {
    @DistributedLock('locked')
    override async work() {
      return super.work();
    }
  }
  expect(await warningsOf(Base, Inherits, Locked)).toEqual([]);
});

it('names the nearest locked method, once, whatever is above it', async () => {
  class Middle extends Base {
    @DistributedLock('middle')
    override async work() {
      return 'middle';
    }
  }
  class Leaf extends Middle {
    override async work() {
      return 'leaf';
    }
  }
  expect(await warningsOf(Leaf)).toEqual([text('Leaf', 'Middle')]);
});

it('warns once of a class with locks of two set-ups', async () => {
  class Two extends Base {
    @DistributedLock('other', { instance: 'other' })
    async another() {}
  }
  class Child extends Two {
    override async work() {
      return 'child';
    }
  }
  expect(await warningsOf(Child)).toEqual([text('Child', 'Base')]);
});

it('says nothing of a locked override that another decorator wraps', async () => {
  const Wrap: MethodDecorator = (_target, _property, descriptor: any) => {
    const inner = descriptor.value as () => unknown;
    descriptor.value = function (this: unknown, ...args: unknown[]) {
      return Reflect.apply(inner, this, args) as unknown;
    };
  };
  class Wrapped extends Base {
    @Wrap
    @DistributedLock('wrapped')
    override async work() {
      return 'wrapped';
    }
  }
  expect(await warningsOf(Wrapped)).toEqual([]);
});
