import { Controller, Get, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DistributedLock } from 'nestlock';
import { LockTestingModule, TestLockBackend } from 'nestlock/testing';
import { readPage } from './pages';
import { runSync } from './run';

describe('docs/guide/testing.md', () => {
  const blocks = readPage('docs/guide/testing.md').blocks.filter(({ lang }) => lang === 'ts');
  // Each of them is a file with tests.
  for (const block of blocks) describe(`line ${block.line}`, () => void runSync(block));

  it('has such files', () => {
    expect(blocks).toHaveLength(3);
  });
});

it('docs/guide/errors.md: clients are told what it says', async () => {
  @Controller('shop')
  class Shop {
    @Get()
    @DistributedLock('shop')
    async open() {}
  }
  const imports = [LockTestingModule.forRoot({ waitTimeout: 0 })];
  const module = await Test.createTestingModule({ imports, controllers: [Shop] })
    .setLogger(false as never)
    .compile();
  const app: INestApplication = module.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  try {
    await app.get(TestLockBackend).holdElsewhere('shop');
    const response = await fetch(`${await app.getUrl()}/shop`);
    const [block] = readPage('docs/guide/errors.md').blocks.filter(({ lang }) => lang === 'json');
    expect(await response.json()).toEqual(JSON.parse(block!.text));
    expect(response.headers.get('retry-after')).not.toBeNull();
  } finally {
    await app.close();
  }
});
