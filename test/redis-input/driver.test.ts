import { LockConfigError } from 'nestlock';
import { bootWith } from './refusals';

const target = 'redis://localhost:6379';

beforeEach(() => jest.resetModules());

test('without ioredis the boot fails, and says what to install', async () => {
  jest.doMock('ioredis', () => {
    throw new Error("Cannot find module 'ioredis'");
  });
  const boot = bootWith(target);
  await expect(boot).rejects.toThrow('redisBackend() needs the package "ioredis" to connect. Run: npm install ioredis');
  await expect(boot).rejects.toBeInstanceOf(LockConfigError);
});

test.each(['4.28.5', '7.0.0'])('with ioredis %s the boot fails, and says what to install', async (version) => {
  jest.doMock('ioredis', () => ({}));
  jest.doMock('ioredis/package.json', () => ({ version }));
  const boot = bootWith(target);
  await expect(boot).rejects.toThrow(
    `redisBackend() works with ioredis 5 and 6, found ${version}. Run: npm install ioredis@6`,
  );
});
