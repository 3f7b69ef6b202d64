import type { RedisServer } from '../servers/redis';
import { startRedis } from '../servers/redis';
import { describeDrivers } from './drivers';
import { describeTypes } from './entries';
import { makeProject, type Project } from './project';
import { ioredis } from './users';

/** Locks, waits, hands on; with a client of its own and with one passed in. */
const use = (url: string): string => `
async function main({ LockService }, { redisBackend }, { Redis }) {
  const client = new Redis('${url}');
  for (const target of ['${url}', client]) {
    const [a, b] = [1, 2].map(() => new LockService({ backend: redisBackend(target) }));
    const lock = await a.acquire('k');
    const waiting = b.acquire('k');
    await lock.release();
    await (await waiting).release();
    await Promise.all([a.close(), b.close()]);
  }
  console.log(client.status);
  client.disconnect();
}`;

describe('with ioredis as the only driver', () => {
  let project: Project;
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
    project = await makeProject({ nest: '12', packages: ['ioredis@6', 'ioredis5@npm:ioredis@5'] });
  }, 300_000);

  afterAll(async () => {
    await server?.stop();
    await project?.remove();
  });

  describeTypes(() => project, { ioredis });
  describeDrivers(() => project, ['ioredis']);

  it('works for require', async () => {
    const source = `${use(server.url)}
      main(require('nestlock'), require('nestlock/redis'), require('ioredis'));`;
    expect(await project.run('use.cjs', source)).toBe('ready\n');
  });

  it('works for import, with ioredis 5 as well', async () => {
    const source = `
      import * as nestlock from 'nestlock';
      import * as redis from 'nestlock/redis';
      import * as ioredis5 from 'ioredis5';
      ${use(server.url)}
      await main(nestlock, redis, ioredis5);`;
    expect(await project.run('use.mjs', source)).toBe('ready\n');
  });
});
