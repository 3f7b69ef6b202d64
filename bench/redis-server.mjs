import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/** Starts a Redis that stores nothing on disk. It ends with `stop`, or with this process. */
export async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), 'nestlock-bench-'));
  const port = await freePort();
  const settings = { port, bind: '127.0.0.1', dir: folder, save: '', appendonly: 'no' };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = () => {
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', stop);
  for (const [signal, number] of Object.entries(signals)) process.once(signal, () => process.exit(128 + number));
  await new Promise((resolve, reject) => {
    server.on('error', () => reject(new Error('Found no redis-server: please install one, or pass --url <address>.')));
    server.on('exit', (code) => reject(new Error(`redis-server ended with code ${code}.`)));
    server.stdout.on('data', (text) => String(text).includes('Ready to accept connections') && resolve());
  });
  return { url: `redis://127.0.0.1:${port}`, stop };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
