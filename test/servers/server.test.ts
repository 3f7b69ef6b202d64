import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { program } from './program';
import { anyRedis, startRedis } from './redis';
import { Server } from './server';
import { until } from './until';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a server', () => {
  it('is gone with its folder when it is stopped', async () => {
    const redis = await startRedis();
    const { pid, folder } = redis;
    expect(isAlive(pid) && existsSync(folder)).toBe(true);
    await redis.stop();
    expect(isAlive(pid) || existsSync(folder)).toBe(false);
    await redis.stop();
  });

  it('is stopped even while it is paused', async () => {
    const redis = await startRedis();
    redis.pause();
    await redis.stop();
    expect(existsSync(redis.folder)).toBe(false);
  });

  it('says why it could not be started', async () => {
    await expect(startRedis({ conf: ['no-such-directive 7'] })).rejects.toThrow(
      /^redis could not be started: it has ended\n[^]*no-such-directive 7[^]*Bad directive/,
    );
  });

  it('says that its port is taken', async () => {
    const redis = await startRedis();
    const recipe = {
      name: 'second',
      ready: /Ready to accept/,
      command: () => ['redis-server', '--port', `${redis.port}`],
    };
    const second = new Server(recipe, redis.port);
    await expect(second.start()).rejects.toThrow('Address already in use');
    expect(second.running).toBe(false);
    await Promise.all([second.stop(), redis.stop()]);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGKILL', 'its own end'] as const)('is gone after %s of the process', async (end) => {
    const child = spawn(process.execPath, ['-e', script, __dirname], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    const [output] = (await once(child.stdout!, 'data')) as [Buffer];
    const { pid, folder } = JSON.parse(output.toString()) as { pid: number; folder: string };
    expect(isAlive(pid) && existsSync(folder)).toBe(true);
    if (end === 'its own end') child.disconnect();
    else child.kill(end);
    await until('the end of the server', () => !isAlive(pid) && !existsSync(folder));
  });
});

/** Starts a Redis and leaves it alone; ends when the test hangs up. */
const script = `
  const { transformFileSync } = require('@swc/core');
  const options = { swcrc: false, jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } };
  require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, options).code, file);
  process.on('disconnect', () => {});
  require(process.argv[1] + '/redis.ts')
    .startRedis()
    .then(({ pid, folder }) => console.log(JSON.stringify({ pid, folder })));`;

describe('a program', () => {
  it('is found, or else it is said what to do', async () => {
    expect(await program('sh', 'dash')).toMatch(/^\/.*\/sh$/);
    const { PATH } = process.env;
    process.env['PATH'] = '/nowhere';
    try {
      await expect(program('no-such-program', 'some-package', 'Or do without it.')).rejects.toThrow(
        'no-such-program is needed and missing: please install it (on Debian and Ubuntu the package "some-package"). ' +
          'Or do without it. It could not be installed automatically: there is no apt-get',
      );
    } finally {
      process.env['PATH'] = PATH;
    }
  });
});

describe('REDIS_URL', () => {
  afterEach(() => delete process.env['REDIS_URL']);

  it('stands for a server that is not ours', async () => {
    process.env['REDIS_URL'] = 'redis://elsewhere';
    const { url, stop } = await anyRedis();
    expect(url).toBe('redis://elsewhere');
    await stop();
  });
});
