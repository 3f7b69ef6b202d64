import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type ts from 'typescript';
import type { RedisServer } from '../servers/redis';
import { startRedis } from '../servers/redis';
import { makeProject, type Project } from './project';
import { RESOLUTIONS, typeErrors } from './type-check';

/** Of both versions, without a cast. */
const CLIENTS = `
import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { LockModule } from 'nestlock';
import { redisBackend, type RedisBackendOptions } from 'nestlock/redis';

const options: RedisBackendOptions = { client: new Redis(), replicas: { atLeast: 1 } };
export const backends = [
  redisBackend(new Redis()),
  redisBackend(new Redis5()),
  redisBackend(new Cluster([])),
  redisBackend(new Cluster5([])),
  redisBackend({ client: new Redis5() }),
  redisBackend({ client: new Cluster([]), commandTimeout: '1s' }),
  redisBackend({ client: new Cluster5([]), notifications: false }),
  redisBackend(options),
  redisBackend('redis://localhost:6379'),
];
export const module = LockModule.forRoot({ backend: backends[0]! });

// @ts-expect-error
redisBackend(7);
// @ts-expect-error
redisBackend({ uri: 'redis://localhost:6379' });
// @ts-expect-error
redisBackend({ client: new Map() });
`;

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

describe('nestlock/redis with ioredis', () => {
  let project: Project;
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
    project = await makeProject({ nest: '12', packages: ['ioredis@6', 'ioredis5@npm:ioredis@5'] });
    await writeFile(join(project.dir, 'clients.ts'), CLIENTS);
  }, 300_000);

  afterAll(async () => {
    await server?.stop();
    await project?.remove();
  });

  it.each(Object.entries(RESOLUTIONS))(
    'takes clients of both versions without a cast, for a user with %s',
    (_, resolution) => {
      const options: ts.CompilerOptions = { ...resolution, skipLibCheck: true }; // ioredis's own declarations are its own
      expect(typeErrors(join(project.dir, 'clients.ts'), options)).toEqual([]);
    },
    120_000,
  );

  it('has declarations that need no ioredis', async () => {
    const dist = join(project.dir, 'node_modules/nestlock/dist');
    const files = (await readdir(dist, { recursive: true })).filter((name) => /\.d\.m?ts$/.test(name));
    expect(files).toContain('backends/redis/index.d.ts');
    const texts = await Promise.all(files.map((name) => readFile(join(dist, name), 'utf8')));
    expect(files.filter((_, i) => /['"]ioredis/.test(texts[i]!))).toEqual([]);
  });

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
